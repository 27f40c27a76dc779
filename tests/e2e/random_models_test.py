#!/usr/bin/env python3
"""Tiny random checkpoints of odd shapes: what `tael verify` computes against a plain reference.

The committed goldens have one shape per family. Here head counts, head sizes, widths, windows and
rope forms are drawn anew, none a multiple of anything.
"""

import json
import os
import random
import struct

from harness import Home, expect, main
from reference_decoder import forward

DTYPES = {"F32": 4, "F16": 2, "BF16": 2}


def encode(values, dtype):
    if dtype == "BF16":
        return b"".join(struct.pack("<f", v)[2:] for v in values)
    return struct.pack(f"<{len(values)}{'f' if dtype == 'F32' else 'e'}", *values)


def decode(data, dtype):
    if dtype == "BF16":
        return [struct.unpack("<f", b"\0\0" + data[i:i + 2])[0] for i in range(0, len(data), 2)]
    return list(struct.unpack(f"<{len(data) // DTYPES[dtype]}{'f' if dtype == 'F32' else 'e'}", data))


def safetensors(tensors):
    """tensors: name -> (dtype, shape, bytes)."""
    header, offset = {}, 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + b"".join(data for _, _, data in tensors.values())


def shapes(config, biases, qk_norm):
    """Published tensor names of a dense decoder and their shapes."""
    d, f, v = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    dim = config.get("head_dim") or d // heads
    rows = {"q": (heads * dim, d), "k": (kv_heads * dim, d), "v": (kv_heads * dim, d), "o": (d, heads * dim)}
    out = {"model.embed_tokens.weight": [v, d], "model.norm.weight": [d]}
    if not config["tie_word_embeddings"]:
        out["lm_head.weight"] = [v, d]
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        for norm in ("input_layernorm", "post_attention_layernorm"):
            out[f"{at}{norm}.weight"] = [d]
        for name, shape in rows.items():
            out[f"{at}self_attn.{name}_proj.weight"] = list(shape)
            if name in biases:
                out[f"{at}self_attn.{name}_proj.bias"] = [shape[0]]
        if qk_norm:
            out[f"{at}self_attn.q_norm.weight"] = out[f"{at}self_attn.k_norm.weight"] = [dim]
        for name, shape in {"gate": (f, d), "up": (f, d), "down": (d, f)}.items():
            out[f"{at}mlp.{name}_proj.weight"] = list(shape)
            if "mlp" in biases:
                out[f"{at}mlp.{name}_proj.bias"] = [shape[0]]
    return out


def draw_weights(rng, config, biases, qk_norm, dtype):
    """The file's tensors and the same values as nested lists, rounded to `dtype`."""
    stored, values = {}, {}
    for name, shape in shapes(config, biases, qk_norm).items():
        scale = 0.3 if name.endswith("norm.weight") else 0.5 if name.endswith("bias") else shape[-1] ** -0.5
        center = 1.0 if name.endswith("norm.weight") else 0.0
        count = shape[0] * (shape[1] if len(shape) == 2 else 1)
        data = encode([rng.gauss(center, scale) for _ in range(count)], dtype)
        flat = decode(data, dtype)
        stored[name] = (dtype, shape, data)
        width = shape[-1]
        values[name] = flat if len(shape) == 1 else [flat[i:i + width] for i in range(0, count, width)]
    return stored, values


def golden(rng, config, weights, lengths):
    out = {}
    for n, length in enumerate(lengths):
        ids = [rng.randrange(config["vocab_size"]) for _ in range(length)]
        logits, hidden = forward(config, weights, ids)
        out[f"input_ids_{n}"] = ("I64", [length], struct.pack(f"<{length}q", *ids))
        flat = [v for row in logits for v in row]
        out[f"logits_{n}"] = ("F32", [length, config["vocab_size"]], encode(flat, "F32"))
        flat = [v for layer in hidden for row in layer for v in row]
        out[f"hidden_{n}"] = ("F32", [len(hidden), length, config["hidden_size"]], encode(flat, "F32"))
    return out


def check(seed, config, dtype="F32", biases="", qk_norm=False, lengths=(1, 9, 23), unused=()):
    rng = random.Random(seed)
    config = {"max_position_embeddings": 256, "rms_norm_eps": 1e-5, "tie_word_embeddings": False,
              "hidden_act": "silu", **config}
    stored, weights = draw_weights(rng, config, biases.split(), qk_norm, dtype)
    for name in unused:
        stored[name] = ("F32", [2], encode([0.5, 1.0], "F32"))
    with Home() as home:
        home.file("m/config.json", json.dumps(config))
        home.file("m/model.safetensors", safetensors(stored))
        home.file("m/golden.safetensors", safetensors(golden(rng, config, weights, lengths)))
        result = home.tael("verify", os.path.join(home.path, "m"), "--json")
        rows = result.json()["results"]
        expect(result.code == 0 and len(rows) == 1 and rows[0]["status"] == "pass", result)


def llama_with_odd_heads_and_frequency_bands():
    check(1, {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 27, "head_dim": 10,
              "num_attention_heads": 5, "num_key_value_heads": 1, "intermediate_size": 37, "num_hidden_layers": 2,
              "vocab_size": 61, "rope_theta": 20000.0,
              "rope_scaling": {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                               "original_max_position_embeddings": 32}}, "BF16")


def llama_with_every_bias_and_linear_rope():
    check(2, {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 42, "attention_bias": True,
              "mlp_bias": True, "num_attention_heads": 3, "num_key_value_heads": 3, "intermediate_size": 19,
              "num_hidden_layers": 3, "vocab_size": 33, "tie_word_embeddings": True,
              "rope_scaling": {"type": "linear", "factor": 2.5}}, "F16", biases="q k v o mlp")


def mistral_with_a_window_shorter_than_the_prompt():
    check(3, {"architectures": ["MistralForCausalLM"], "model_type": "mistral", "hidden_size": 29, "head_dim": 6,
              "num_attention_heads": 6, "num_key_value_heads": 2, "intermediate_size": 23, "num_hidden_layers": 2,
              "vocab_size": 35, "sliding_window": 7}, "BF16", lengths=(3, 71))


def qwen2_with_windows_on_some_layers():
    check(4, {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 36,
              "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 51, "num_hidden_layers": 3,
              "vocab_size": 40, "use_sliding_window": True, "sliding_window": 5, "max_window_layers": 1},
          "F16", biases="q k v")


def qwen2_with_yarn():
    check(5, {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 26, "head_dim": 26,
              "num_attention_heads": 1, "num_key_value_heads": 1, "intermediate_size": 31, "num_hidden_layers": 2,
              "vocab_size": 44, "rope_theta": 500.0, "rope_scaling":
              {"rope_type": "yarn", "factor": 3.0, "original_max_position_embeddings": 64}}, biases="q k v")


def qwen3_with_wide_heads():
    check(6, {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_size": 13, "head_dim": 34,
              "num_attention_heads": 6, "num_key_value_heads": 3, "intermediate_size": 7, "num_hidden_layers": 2,
              "vocab_size": 39, "tie_word_embeddings": True, "rope_theta": 1e6}, "F16", qk_norm=True)


def seed_oss_with_a_bias_on_the_output():
    check(7, {"architectures": ["SeedOssForCausalLM"], "model_type": "seed_oss", "hidden_size": 21, "head_dim": 8,
              "num_attention_heads": 5, "num_key_value_heads": 5, "intermediate_size": 33, "num_hidden_layers": 2,
              "vocab_size": 37, "attention_bias": True, "attention_out_bias": True, "residual_dropout": 0.1,
              "rope_theta": 1e7, "rope_scaling": {"rope_type": "default"}}, "BF16", biases="q k v o")


def mimo_with_prediction_layers_left_aside():
    check(8, {"architectures": ["MiMoForCausalLM"], "model_type": "mimo", "hidden_size": 34, "head_dim": 14,
              "num_attention_heads": 3, "num_key_value_heads": 1, "intermediate_size": 29, "num_hidden_layers": 2,
              "vocab_size": 31, "attention_bias": True, "num_nextn_predict_layers": 1, "rope_theta": 640000,
              "use_sliding_window": False, "max_window_layers": 2, "sliding_window": None}, "F16",
          biases="q k v", unused=["model.mtp_layers.0.hidden_layernorm.weight"])


if __name__ == "__main__":
    main([llama_with_odd_heads_and_frequency_bands, llama_with_every_bias_and_linear_rope,
          mistral_with_a_window_shorter_than_the_prompt, qwen2_with_windows_on_some_layers, qwen2_with_yarn,
          qwen3_with_wide_heads, seed_oss_with_a_bias_on_the_output, mimo_with_prediction_layers_left_aside])
