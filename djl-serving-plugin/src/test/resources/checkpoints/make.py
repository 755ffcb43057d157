#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the tiny random checkpoints beside this file, and what transformers computes with them.

usage: make.py OUTPUT_FOLDER        (needs torch, transformers 5 and safetensors; no network)

Each case is a folder as Hugging Face lays a model out, without a tokenizer, with two files more:
  expected.json         {"prompts": [[ids], ...], "tokens": [[ids], ...]}: greedy answers
  expected.safetensors  "logits.<prompt>", [answer tokens, vocabulary], float32: what each of the
                        answer's tokens was chosen from
All of it is computed on the CPU in float32 by the model as transformers reads it back from disk.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    Qwen3Config,
)

VOCABULARY = 160
ANSWER = 8
LENGTHS = (1, 7, 40, 100)
# Two candidates nearer than this could change places with the order of a sum.
CLEAR = 2e-3

SHAPE = dict(
    vocab_size=VOCABULARY,
    hidden_size=48,
    intermediate_size=64,
    num_hidden_layers=2,
    num_attention_heads=3,
    num_key_value_heads=1,
    max_position_embeddings=256,
    bos_token_id=1,
    eos_token_id=2,
)


def rope(**parameters):
    return dict(rope_theta=10000.0, **parameters)


LLAMA3 = rope(
    rope_type="llama3",
    factor=8.0,
    low_freq_factor=1.0,
    high_freq_factor=4.0,
    original_max_position_embeddings=32,
)

# name: configuration, type on disk, and what is done to the files
CASES = {
    "llama2": (LlamaConfig(**SHAPE), "float32", {}),
    "llama2-float16": (LlamaConfig(**SHAPE, tie_word_embeddings=True), "float16", {}),
    "llama2-bfloat16": (LlamaConfig(**SHAPE, tie_word_embeddings=True), "bfloat16", {}),
    "llama2-sharded": (LlamaConfig(**SHAPE), "bfloat16", {"shards": "25KB"}),
    "llama-linear": (
        LlamaConfig(**SHAPE, tie_word_embeddings=True),
        "bfloat16",
        {"old": {"rope_theta": 10000.0, "rope_scaling": {"type": "linear", "factor": 4.0}}},
    ),
    "llama-dynamic": (
        LlamaConfig(
            **SHAPE, tie_word_embeddings=True, rope_parameters=rope(rope_type="dynamic", factor=2.0)
        ),
        "bfloat16",
        {},
    ),
    "llama3.1": (
        LlamaConfig(**{**SHAPE, "eos_token_id": [2, 5, 9]}, tie_word_embeddings=True),
        "bfloat16",
        {
            "old": {
                "rope_theta": 10000.0,
                "rope_scaling": {k: v for k, v in LLAMA3.items() if k != "rope_theta"},
            }
        },
    ),
    "llama3.2": (
        LlamaConfig(**{**SHAPE, "head_dim": 32}, tie_word_embeddings=True, rope_parameters=LLAMA3),
        "bfloat16",
        {},
    ),
    "llama-yarn": (
        LlamaConfig(**SHAPE, tie_word_embeddings=True),
        "bfloat16",
        {
            "old": {
                "rope_theta": 10000.0,
                "rope_scaling": {
                    "type": "yarn",
                    "factor": 8.0,
                    "original_max_position_embeddings": 32,
                },
            }
        },
    ),
    "llama-biases": (
        LlamaConfig(**SHAPE, attention_bias=True, mlp_bias=True, tie_word_embeddings=True),
        "float32",
        {},
    ),
    "mistral": (
        MistralConfig(**{**SHAPE, "head_dim": 20}, sliding_window=None, rms_norm_eps=1e-5),
        "bfloat16",
        {},
    ),
    "mistral-sliding": (
        MistralConfig(**SHAPE, sliding_window=11, tie_word_embeddings=True),
        "bfloat16",
        {},
    ),
    "qwen2": (Qwen2Config(**SHAPE, tie_word_embeddings=True), "bfloat16", {}),
    "qwen2-sliding": (
        Qwen2Config(
            **{**SHAPE, "num_hidden_layers": 3},
            use_sliding_window=True,
            sliding_window=20,
            max_window_layers=1,
        ),
        "bfloat16",
        {},
    ),
    "qwen2.5-yarn": (
        Qwen2Config(
            **SHAPE,
            rope_parameters=rope(
                rope_type="yarn",
                factor=4.0,
                original_max_position_embeddings=64,
                beta_fast=16.0,
                beta_slow=2.0,
                mscale=1.0,
                mscale_all_dim=0.5,
                truncate=False,
            ),
        ),
        "float32",
        {},
    ),
    "qwen3": (
        Qwen3Config(**{**SHAPE, "head_dim": 32}, tie_word_embeddings=True),
        "float32",
        {},
    ),
    "qwen3-bias": (
        Qwen3Config(
            **{**SHAPE, "head_dim": 16, "num_attention_heads": 4, "num_key_value_heads": 2},
            attention_bias=True,
            rms_norm_eps=1e-5,
        ),
        "bfloat16",
        {},
    ),
}


def fill(model, random):
    """Weights large enough that attention chooses and every norm, bias and layer matters."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("norm.weight"):
                weight.copy_(1 + 0.2 * torch.randn(weight.shape, generator=random))
            else:
                scale = 0.5 if "embed" in name else 0.2
                weight.copy_(scale * torch.randn(weight.shape, generator=random))


def rewrite(folder, old):
    """Makes config.json one that transformers 4 wrote."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config.pop("rope_parameters")
    config["torch_dtype"] = config.pop("dtype")
    config["transformers_version"] = "4.44.0"
    config.update(old)
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def expected(folder, seed):
    """Prompts, answers and their logits; None if a choice was too close to call."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0
    random = torch.Generator().manual_seed(seed)
    prompts, tokens, logits = [], [], {}
    for index, length in enumerate(LENGTHS):
        prompt = torch.randint(VOCABULARY, (1, length), generator=random)
        with torch.no_grad():
            made = model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                do_sample=False,
                max_new_tokens=ANSWER,
                output_logits=True,
                return_dict_in_generate=True,
            )
            steps = torch.cat(made.logits).float()
            # The cache must not matter: the same in one pass without it.
            whole = model(made.sequences[:, :-1], use_cache=False).logits[0, length - 1 :].float()
        if (whole - steps).abs().max() > 5e-5:
            raise SystemExit(f"{folder}: the cache changes the logits")
        best = steps.topk(2).values
        if (best[:, 0] - best[:, 1]).min() < CLEAR:
            return None
        prompts.append(prompt[0].tolist())
        tokens.append(made.sequences[0, length:].tolist())
        logits[f"logits.{index}"] = steps.contiguous()
    return {"prompts": prompts, "tokens": tokens}, logits


def make(folder, config, dtype, how, seed):
    model = AutoModelForCausalLM.from_config(config)
    fill(model, torch.Generator().manual_seed(seed))
    model.to(getattr(torch, dtype))
    model.generation_config.eos_token_id = [2, 7]
    model.generation_config.do_sample = True
    model.generation_config.top_p = 0.9
    model.save_pretrained(folder, max_shard_size=how.get("shards", "1GB"))
    if "old" in how:
        rewrite(folder, how["old"])
    for attempt in range(50):
        found = expected(folder, seed + attempt)
        if found is not None:
            (folder / "expected.json").write_text(json.dumps(found[0]) + "\n")
            save_file(found[1], folder / "expected.safetensors")
            return
    raise SystemExit(f"{folder}: no clear answers")


def main(out):
    torch.set_num_threads(1)
    for seed, (name, (config, dtype, how)) in enumerate(CASES.items()):
        folder = Path(out) / name
        folder.mkdir(parents=True, exist_ok=True)
        make(folder, config, dtype, how, 100 * seed)
        print(name, sum(file.stat().st_size for file in folder.iterdir()))


if __name__ == "__main__":
    main(sys.argv[1])
