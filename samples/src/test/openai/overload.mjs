// SPDX-License-Identifier: Apache-2.0
// What OpenAI's client makes of a full queue: node overload.mjs BASE_URL MODEL, of a server that
// takes one request and lets one more wait.
import assert from 'node:assert/strict';
import OpenAI, { APIUserAbortError, RateLimitError } from 'openai';

const [baseURL, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: 'unused', maxRetries: 0, timeout: 60_000 });
const controller = new AbortController();
const long = { model, prompt: 'a', max_tokens: 900, temperature: 0, ignore_eos: true };

// As many as it takes, all at once: only two have room.
const refusals = Array.from({ length: 8 }, () =>
  client.completions.create(long, { signal: controller.signal }).then(
    () => assert.fail('all of it was answered before another request came'),
    (error) => error,
  ),
);
const refused = await Promise.race(refusals);
assert.ok(refused instanceof RateLimitError, String(refused));
assert.equal(refused.type, 'rate_limit_error');
assert.equal(refused.headers.get('retry-after'), '1');
controller.abort();
const ends = await Promise.all(refusals);
assert.ok(ends.some((end) => end instanceof APIUserAbortError), ends.join('\n'));

// Left to itself the client waits as it is told, and gets its answer.
const answer = await client.completions.create({ ...long, max_tokens: 1 }, { maxRetries: 5 });
assert.equal(answer.usage.completion_tokens, 1);
console.log('done');
