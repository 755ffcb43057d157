// SPDX-License-Identifier: Apache-2.0
// OpenAI's own client, unchanged, against a server: node check.mjs BASE_URL MODEL [proxy]
// Prints a line a check; exits with 1 at the first that fails. With "proxy" the prompts' KV must
// have come from another instance than the one that answers.
import assert from 'node:assert/strict';
import OpenAI, {
  APIConnectionTimeoutError,
  APIUserAbortError,
  BadRequestError,
  NotFoundError,
} from 'openai';

const [baseURL, model, proxy] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: 'unused', maxRetries: 0, timeout: 60_000 });
const PROMPT =
  'Facts: Leo is in the attic. Mia is on the hill. Question: Where is Leo? Answer:';
const MESSAGES = [{ role: 'user', content: PROMPT }];
const ANSWER = ' Leo is in the attic.';

async function check(name, body) {
  await body();
  console.log(`ok ${name}`);
}

/** What is thrown; its absence is a failure. */
async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return assert.fail('nothing was thrown');
}

await check('models', async () => {
  const ids = [];
  for await (const known of client.models.list()) {
    ids.push(known.id);
  }
  assert.ok(ids.includes(model), ids.join());
});

await check('completion', async () => {
  const answer = await client.completions.create({
    model,
    prompt: PROMPT,
    max_tokens: 8,
    temperature: 0,
  });
  assert.equal(answer.object, 'text_completion');
  assert.ok(answer.choices[0].text.startsWith(ANSWER), answer.choices[0].text);
  assert.ok(['stop', 'length'].includes(answer.choices[0].finish_reason));
  const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
  assert.equal(total_tokens, prompt_tokens + completion_tokens);
});

await check('completion with two choices, logprobs and a stop', async () => {
  const answer = await client.completions.create({
    model,
    prompt: PROMPT,
    max_tokens: 8,
    temperature: 0,
    n: 2,
    logprobs: 3,
    stop: ['attic'],
  });
  assert.equal(answer.choices.length, 2);
  for (const [index, choice] of answer.choices.entries()) {
    assert.equal(choice.index, index);
    assert.equal(choice.text, ' Leo is in the ');
    assert.equal(choice.finish_reason, 'stop');
    const { tokens, token_logprobs, top_logprobs, text_offset } = choice.logprobs;
    assert.ok(tokens.join('').startsWith(choice.text), tokens.join('|'));
    assert.equal(token_logprobs.length, tokens.length);
    assert.equal(text_offset.length, tokens.length);
    assert.ok(token_logprobs.every((logprob) => logprob <= 0));
    assert.ok(top_logprobs.every((top) => Object.keys(top).length >= 1));
  }
});

await check('streamed completion with echo and usage', async () => {
  const stream = await client.completions.create({
    model,
    prompt: PROMPT,
    max_tokens: 8,
    temperature: 0,
    echo: true,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = '';
  let usage;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.text ?? '';
    usage = chunk.usage ?? usage;
  }
  assert.ok(text.startsWith(PROMPT + ANSWER), text);
  assert.ok(usage.completion_tokens > 0);
});

await check('chat', async () => {
  const answer = await client.chat.completions.create({
    model,
    messages: MESSAGES,
    max_completion_tokens: 8,
    temperature: 0,
    logprobs: true,
    top_logprobs: 2,
  });
  assert.equal(answer.object, 'chat.completion');
  const { message, logprobs } = answer.choices[0];
  assert.equal(message.role, 'assistant');
  assert.ok(message.content.startsWith(ANSWER), message.content);
  assert.equal(logprobs.content.length, answer.usage.completion_tokens);
  for (const token of logprobs.content) {
    assert.equal(token.top_logprobs.length, 2);
    assert.equal(Buffer.from(token.bytes).toString(), token.token);
  }
});

await check('chat of several messages, sampled with a seed', async () => {
  const asked = {
    model,
    messages: [
      { role: 'system', content: 'Once upon a time' },
      { role: 'user', content: [{ type: 'text', text: 'there was a' }] },
    ],
    max_tokens: 12,
    temperature: 0.9,
    top_p: 0.9,
    seed: 7,
    presence_penalty: 0.5,
    frequency_penalty: 0.5,
    logit_bias: { 5: -100 },
  };
  const first = await client.chat.completions.create(asked);
  const second = await client.chat.completions.create(asked);
  assert.equal(first.choices[0].message.content, second.choices[0].message.content);
});

await check('streamed chat', async () => {
  const stream = await client.chat.completions.create({
    model,
    messages: MESSAGES,
    max_tokens: 8,
    temperature: 0,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = '';
  const roles = [];
  let finish;
  let usage;
  for await (const chunk of stream) {
    assert.equal(chunk.object, 'chat.completion.chunk');
    const choice = chunk.choices[0];
    text += choice?.delta.content ?? '';
    if (choice?.delta.role) {
      roles.push(choice.delta.role);
    }
    finish = choice?.finish_reason ?? finish;
    usage = chunk.usage ?? usage;
  }
  assert.ok(text.startsWith(ANSWER), text);
  assert.deepEqual(roles, ['assistant']);
  assert.ok(['stop', 'length'].includes(finish));
  assert.ok(usage.total_tokens > 0);
});

await check("the client's own helper for streams", async () => {
  const stream = client.chat.completions.stream({
    model,
    messages: MESSAGES,
    max_tokens: 8,
    temperature: 0,
  });
  let text = '';
  stream.on('content', (delta) => {
    text += delta;
  });
  const whole = await stream.finalChatCompletion();
  assert.equal(whole.choices[0].message.content, text);
  assert.ok(text.startsWith(ANSWER), text);
});

await check("a chat's KV comes from where it should", async () => {
  const answer = await client.chat.completions.create(
    { model, messages: MESSAGES, max_tokens: 8, temperature: 0 },
    { headers: { 'X-KvLink-Stats': '1' } },
  );
  const { computed_prompt_tokens: computed, loaded_prompt_tokens: loaded } = answer.kvlink;
  assert.ok(proxy ? loaded > computed : loaded === 0, JSON.stringify(answer.kvlink));
  assert.ok(answer.choices[0].message.content.startsWith(ANSWER));
});

await check('errors have their classes', async () => {
  const wrongModel = await failure(
    client.chat.completions.create({ model: 'no-such-model', messages: MESSAGES }),
  );
  assert.ok(wrongModel instanceof NotFoundError, String(wrongModel));
  assert.equal(wrongModel.code, 'model_not_found');
  assert.equal(wrongModel.param, 'model');

  const wrongValue = await failure(
    client.completions.create({ model, prompt: 'a', temperature: -1 }),
  );
  assert.ok(wrongValue instanceof BadRequestError, String(wrongValue));
  assert.equal(wrongValue.type, 'invalid_request_error');
  assert.equal(wrongValue.param, 'temperature');

  const tooLong = await failure(
    client.completions.create({ model, prompt: 'word '.repeat(3000), max_tokens: 1 }),
  );
  assert.ok(tooLong instanceof BadRequestError, String(tooLong));
  assert.equal(tooLong.code, 'context_length_exceeded');

  const tools = await failure(
    client.chat.completions.create({
      model,
      messages: MESSAGES,
      tools: [{ type: 'function', function: { name: 'f', parameters: {} } }],
    }),
  );
  assert.ok(tools instanceof BadRequestError, String(tools));
  assert.equal(tools.param, 'tools');
});

await check('a deadline ends a request', async () => {
  const late = await failure(
    client.completions.create({
      model,
      prompt: PROMPT,
      max_tokens: 900,
      temperature: 0,
      ignore_eos: true,
      timeout: 0.001,
    }),
  );
  assert.equal(late.status, 504, String(late));
  assert.equal(late.code, 'request_timeout');
});

await check('cancelled before and after the first chunk', async () => {
  const controller = new AbortController();
  const long = { model, prompt: PROMPT, max_tokens: 900, temperature: 0, ignore_eos: true };
  const whole = client.completions.create(long, { signal: controller.signal });
  setImmediate(() => controller.abort());
  assert.ok((await failure(whole)) instanceof APIUserAbortError);

  const stream = await client.completions.create({ ...long, n: 2, stream: true });
  let chunks = 0;
  for await (const chunk of stream) {
    assert.ok(chunk.choices.length <= 1);
    chunks += 1;
    if (chunks === 3) {
      stream.controller.abort();
    }
  }
  assert.ok(chunks >= 3 && chunks < 900, `${chunks} chunks`);

  const timedOut = await failure(client.completions.create(long, { timeout: 50 }));
  assert.ok(timedOut instanceof APIConnectionTimeoutError, String(timedOut));
});

console.log('done');
