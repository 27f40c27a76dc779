#!/usr/bin/env python3
"""Measures packed Hugging Face forms against GGUF of the same shape, with random weights.

usage: bench/packed_models.py [--tael PATH] [--folder DIR] [--forms fp8_block,gptq] [--threads 1]
                              [--rounds 3] [--matmul integer] [--prompt 64] [--gen 16] [--layers 8]
                              [--memory]

Writes the models into --folder (kept there for the next time), then runs `tael bench` on each form
in turn, --rounds times over, so that a disturbance of the machine meets all of them. Prints median
tokens per second and the ratio to Q8_0 of the same round. With --memory: what `tael plan` says
against the peak of the run (ru_maxrss), instead.
"""

import argparse
import json
import os
import random
import statistics
import struct
import subprocess

HIDDEN, FFN, HEADS, KV_HEADS, HEAD_DIM, VOCAB = 1024, 3072, 16, 8, 128, 2048
EXPERTS, EXPERT_FFN = 8, 1024
RANDOM = random.Random(1)
HALF_SCALE = struct.pack("<e", 0.002)
TYPE_BYTES = {"F32": 4, "F16": 2, "BF16": 2, "I32": 4, "U8": 1, "I8": 1, "F8_E4M3": 1, "I64": 8}


def size_of(shape):
    size = 1
    for extent in shape:
        size *= extent
    return size


def noise(dtype, shape):
    return dtype, shape, RANDOM.randbytes(size_of(shape) * TYPE_BYTES[dtype])


def constant(dtype, shape, element):
    return dtype, shape, element * size_of(shape)


def fp8_codes(n, k):
    # Without the two codes that are NaN.
    table = bytes(b if b & 0x7F != 0x7F else b ^ 1 for b in range(256))
    return "F8_E4M3", [n, k], RANDOM.randbytes(n * k).translate(table)


def plain(dtype):
    one = {"F16": b"\x00\x20", "BF16": b"\x00\x3c"}[dtype]
    return lambda n, k: {".weight": constant(dtype, [n, k], one)}


def fp8(scale_name, grid, dtype="F32", element=struct.pack("<f", 1e-4)):
    return lambda n, k: {".weight": fp8_codes(n, k),
                         scale_name: constant(dtype, grid(n, k), element)}


def int8_rows(n, k):
    return {".weight": noise("I8", [n, k]), ".weight_scale": constant("BF16", [n, 1], b"\x00\x39")}


def words(bits, group, zeros=False):
    def tensors(n, k):
        groups = k // group if group else 1
        out = {".weight_packed": noise("I32", [n, k * bits // 32]),
               ".weight_scale": constant("F16", [n, groups], HALF_SCALE),
               ".weight_shape": ("I64", [2], struct.pack("<2q", n, k))}
        if zeros:
            out[".weight_zero_point"] = noise("I32", [n * bits // 32, groups])
        return out
    return tensors


def gptq(group, reordered):
    def tensors(n, k):
        index = [i // group for i in range(k)]
        if reordered:
            RANDOM.shuffle(index)
        return {".qweight": noise("I32", [k // 8, n]), ".qzeros": noise("I32", [k // group, n // 8]),
                ".scales": constant("F16", [k // group, n], HALF_SCALE),
                ".g_idx": ("I32", [k], struct.pack(f"<{k}i", *index))}
    return tensors


def awq(n, k):
    return {".qweight": noise("I32", [k, n // 8]), ".qzeros": noise("I32", [k // 128, n // 8]),
            ".scales": constant("F16", [k // 128, n], HALF_SCALE)}


def mxfp4(n, k):
    return {".weight_packed": noise("U8", [n, k // 2]),
            ".weight_scale": constant("U8", [n, k // 32], bytes([118]))}


def nvfp4(n, k):
    return {".weight_packed": noise("U8", [n, k // 2]),
            ".weight_scale": constant("F8_E4M3", [n, k // 16], b"\x38"),
            ".weight_global_scale": ("F32", [1], struct.pack("<f", 500.0))}


def compressed(form, **weights):
    return {"quant_method": "compressed-tensors", "format": form, "ignore": ["lm_head"],
            "quantization_status": "compressed",
            "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}}}


def gptq_config(group, reordered):
    return {"quant_method": "gptq", "bits": 4, "group_size": group, "desc_act": reordered,
            "sym": False, "checkpoint_format": "gptq"}


# name -> (tensors of a matrix, quantization_config)
FORMS = {
    "f16": (plain("F16"), None),
    "fp8_block": (fp8(".weight_scale_inv", lambda n, k: [n // 128, k // 128]),
                  {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 128]}),
    "fp8_channel": (fp8(".weight_scale", lambda n, k: [n, 1], "BF16", b"\xd1\x38"),
                    compressed("float-quantized", num_bits=8, type="float", symmetric=True,
                               strategy="channel")),
    "int8_channel": (int8_rows, compressed("int-quantized", num_bits=8, type="int", symmetric=True,
                                           strategy="channel")),
    "int4_g128": (words(4, 128), compressed("pack-quantized", num_bits=4, type="int",
                                            symmetric=True, strategy="group", group_size=128)),
    "int4_asym_g128": (words(4, 128, True),
                       compressed("pack-quantized", num_bits=4, type="int", symmetric=False,
                                  strategy="group", group_size=128)),
    "gptq": (gptq(128, False), gptq_config(128, False)),
    "gptq_actorder": (gptq(128, True), gptq_config(128, True)),
    "awq": (awq, {"quant_method": "awq", "bits": 4, "group_size": 128, "version": "gemm",
                  "zero_point": True}),
    "mxfp4": (mxfp4, compressed("mxfp4-pack-quantized", num_bits=4, type="float", symmetric=True,
                                strategy="group", group_size=32)),
    "nvfp4": (nvfp4, compressed("nvfp4-pack-quantized", num_bits=4, type="float", symmetric=True,
                                strategy="tensor_group", group_size=16)),
}


def layer_shapes():
    """(role, outputs, inputs) of the matrices of a dense layer."""
    queries, keys = HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM
    yield "self_attn.q_proj", queries, HIDDEN
    yield "self_attn.k_proj", keys, HIDDEN
    yield "self_attn.v_proj", keys, HIDDEN
    yield "self_attn.o_proj", HIDDEN, queries
    yield "mlp.gate_proj", FFN, HIDDEN
    yield "mlp.up_proj", FFN, HIDDEN
    yield "mlp.down_proj", HIDDEN, FFN


def config(layers, quantization):
    values = {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": VOCAB,
              "hidden_size": HIDDEN, "intermediate_size": FFN, "num_hidden_layers": layers,
              "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "head_dim": HEAD_DIM,
              "hidden_act": "silu", "max_position_embeddings": 4096, "rms_norm_eps": 1e-6,
              "rope_theta": 1e6, "tie_word_embeddings": True, "attention_bias": False}
    if quantization:
        values["quantization_config"] = quantization
    return values


def gpt_oss_config(layers):
    return {"architectures": ["GptOssForCausalLM"], "model_type": "gpt_oss", "vocab_size": VOCAB,
            "hidden_size": HIDDEN, "intermediate_size": EXPERT_FFN, "num_hidden_layers": layers,
            "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "head_dim": 64,
            "num_local_experts": EXPERTS, "num_experts_per_tok": 4, "sliding_window": 128,
            "layer_types": ["full_attention"] * layers, "swiglu_limit": 7.0, "rms_norm_eps": 1e-5,
            "max_position_embeddings": 4096, "rope_theta": 150000.0, "attention_bias": True,
            "hidden_act": "silu", "tie_word_embeddings": False,
            "rope_scaling": None,
            "quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": [
                "model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens",
                "lm_head"]}}


def gpt_oss_tensors(layers):
    ones = lambda *shape: constant("BF16", list(shape), b"\x80\x3f")
    small = lambda *shape: constant("BF16", list(shape), b"\x00\x3c")
    yield "model.embed_tokens.weight", small(VOCAB, HIDDEN)
    yield "lm_head.weight", small(VOCAB, HIDDEN)
    yield "model.norm.weight", ones(HIDDEN)
    for i in range(layers):
        at = f"model.layers.{i}."
        for name in ("input_layernorm", "post_attention_layernorm"):
            yield f"{at}{name}.weight", ones(HIDDEN)
        yield at + "self_attn.sinks", small(HEADS)
        for name, n, k in (("q", HEADS * 64, HIDDEN), ("k", KV_HEADS * 64, HIDDEN),
                           ("v", KV_HEADS * 64, HIDDEN), ("o", HIDDEN, HEADS * 64)):
            yield f"{at}self_attn.{name}_proj.weight", small(n, k)
            yield f"{at}self_attn.{name}_proj.bias", small(n)
        yield at + "mlp.router.weight", noise_bf16(EXPERTS, HIDDEN)
        yield at + "mlp.router.bias", small(EXPERTS)
        for name, n, k in (("gate_up", 2 * EXPERT_FFN, HIDDEN), ("down", HIDDEN, EXPERT_FFN)):
            yield f"{at}mlp.experts.{name}_proj_blocks", noise("U8", [EXPERTS, n, k // 32, 16])
            yield (f"{at}mlp.experts.{name}_proj_scales",
                   constant("U8", [EXPERTS, n, k // 32], bytes([118])))
            yield f"{at}mlp.experts.{name}_proj_bias", small(EXPERTS, n)


def noise_bf16(n, k):
    data = bytearray(RANDOM.randbytes(2 * n * k))
    data[1::2] = bytes(0x3C | b & 0x80 for b in data[1::2])
    return "BF16", [n, k], bytes(data)


def dense_tensors(make, layers):
    ones = lambda *shape: constant("F16", list(shape), b"\x00\x3c")
    yield "model.embed_tokens.weight", constant("F16", [VOCAB, HIDDEN], b"\x00\x20")
    yield "model.norm.weight", ones(HIDDEN)
    for i in range(layers):
        at = f"model.layers.{i}."
        for name in ("input_layernorm", "post_attention_layernorm"):
            yield f"{at}{name}.weight", ones(HIDDEN)
        for name in ("self_attn.q_norm", "self_attn.k_norm"):
            yield f"{at}{name}.weight", ones(HEAD_DIM)
        for role, n, k in layer_shapes():
            for suffix, tensor in make(n, k).items():
                yield at + role + suffix, tensor


def write_safetensors(folder, values, tensors):
    os.makedirs(folder, exist_ok=True)
    header, offset, parts = {}, 0, []
    for name, (dtype, shape, data) in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
        parts.append(data)
    text = json.dumps(header).encode()
    with open(os.path.join(folder, "model.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for part in parts:
            file.write(part)
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(values, file)


# GGUF: type number, bytes of a block of 32, and the bytes of its scale.
GGUF_TYPES = {"q8_0": (8, 34), "q4_0": (2, 18)}


def gguf_value(value):
    if isinstance(value, str):
        return struct.pack("<IQ", 8, len(value)) + value.encode()
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    return struct.pack("<II", 4, value)


def gguf_tensors(kind, layers):
    number, block = GGUF_TYPES[kind]

    def matrix(n, k):
        data = bytearray(RANDOM.randbytes(n * k // 32 * block))
        data[0::block] = HALF_SCALE[:1] * (n * k // 32)
        data[1::block] = HALF_SCALE[1:] * (n * k // 32)
        return number, [k, n], bytes(data)

    vector = lambda n: (0, [n], struct.pack("<f", 1.0) * n)
    yield "token_embd.weight", (1, [HIDDEN, VOCAB], b"\x00\x20" * HIDDEN * VOCAB)
    yield "output_norm.weight", vector(HIDDEN)
    names = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
             "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
             "mlp.down_proj": "ffn_down"}
    for i in range(layers):
        for name, n in (("attn_norm", HIDDEN), ("ffn_norm", HIDDEN), ("attn_q_norm", HEAD_DIM),
                        ("attn_k_norm", HEAD_DIM)):
            yield f"blk.{i}.{name}.weight", vector(n)
        for role, n, k in layer_shapes():
            yield f"blk.{i}.{names[role]}.weight", matrix(n, k)


def write_gguf(path, kind, layers):
    keys = {"general.architecture": "qwen3", "qwen3.block_count": layers,
            "qwen3.context_length": 4096, "qwen3.embedding_length": HIDDEN,
            "qwen3.feed_forward_length": FFN, "qwen3.attention.head_count": HEADS,
            "qwen3.attention.head_count_kv": KV_HEADS, "qwen3.attention.key_length": HEAD_DIM,
            "qwen3.attention.value_length": HEAD_DIM, "qwen3.rope.freq_base": 1e6,
            "qwen3.attention.layer_norm_rms_epsilon": 1e-6, "qwen3.vocab_size": VOCAB}
    tensors = list(gguf_tensors(kind, layers))
    head = struct.pack("<IIQQ", 0x46554747, 3, len(tensors), len(keys))
    for key, value in keys.items():
        head += struct.pack("<Q", len(key)) + key.encode() + gguf_value(value)
    offset = 0
    for name, (number, shape, data) in tensors:
        head += struct.pack("<Q", len(name)) + name.encode() + struct.pack("<I", len(shape))
        head += struct.pack(f"<{len(shape)}Q", *shape) + struct.pack("<IQ", number, offset)
        offset += (len(data) + 31) // 32 * 32
    with open(path, "wb") as file:
        file.write(head + b"\0" * (-len(head) % 32))
        for _, (_, _, data) in tensors:
            file.write(data + b"\0" * (-len(data) % 32))


def prepare(form, folder, layers):
    """Writes the model where it is missing; returns its path."""
    path = os.path.join(folder, f"{form}-{layers}")
    if form in GGUF_TYPES:
        path += ".gguf"
        if not os.path.exists(path):
            write_gguf(path, form, layers)
    elif not os.path.exists(os.path.join(path, "config.json")):
        if form == "gpt_oss":
            write_safetensors(path, gpt_oss_config(layers), gpt_oss_tensors(layers))
        else:
            make, quantization = FORMS[form]
            write_safetensors(path, config(layers, quantization), dense_tensors(make, layers))
    return path


def measure(options, path):
    """{"pp": tokens per second, "tg": ..., "bytes": weight bytes per token, "gbs": read}"""
    command = [options.tael, "bench", path, "--json", "--no-probes", "-r", "2", "-p", options.prompt,
               "-n", options.gen, "-t", options.threads, "--matmul", options.matmul]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.strip()}")
    out = {}
    for row in json.loads(done.stdout)["entries"]:
        decode = row["kind"] == "decode"
        out["tg" if decode else "pp"] = row["tokens_per_second"]["max"]
        if decode:
            tokens = max(1, row["generated_tokens"])
            out["bytes"] = row["work"]["weight_bytes"] / tokens
            out["gbs"] = out["tg"] * out["bytes"] / 1e9
    return out


def peak_of(command):
    """Resident bytes at most of a program that must succeed."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(command)}: status {status}")
    return usage.ru_maxrss * 1024


def compare_memory(options, paths):
    print(f"{'form':16} {'file MB':>9} {'weights':>9} {'plan MB':>9} {'peak MB':>9} {'plan/peak':>9}")
    for form, path in paths.items():
        flags = ["--ctx", "512", "--matmul", options.matmul, "--threads", options.threads]
        plan = json.loads(subprocess.run([options.tael, "plan", path, "--json", *flags], check=True,
                                         capture_output=True, text=True).stdout)
        peak = peak_of([options.tael, "bench", path, *flags, "-p", "256", "-n", "4", "-r", "1",
                        "--no-probes"])
        file = os.path.join(path, "model.safetensors") if os.path.isdir(path) else path
        total = plan["total_bytes"]
        print(f"{form:16} {os.path.getsize(file) / 1e6:9.2f} {plan['parts']['weights'] / 1e6:9.2f} "
              f"{total / 1e6:9.2f} {peak / 1e6:9.2f} {total / peak:9.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    every = list(GGUF_TYPES) + list(FORMS) + ["gpt_oss"]
    parser.add_argument("--tael", default="build/release/tael")
    parser.add_argument("--folder", default="/tmp/packed_models")
    parser.add_argument("--forms", default=",".join(every))
    parser.add_argument("--matmul", default="integer")
    for name, value in (("threads", "1"), ("rounds", "3"), ("prompt", "64"), ("gen", "16"),
                        ("layers", "8")):
        parser.add_argument("--" + name, default=value)
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args()
    os.makedirs(options.folder, exist_ok=True)
    forms = options.forms.split(",")
    if "q8_0" not in forms:
        forms.insert(0, "q8_0")
    paths = {form: prepare(form, options.folder, int(options.layers)) for form in forms}
    if options.memory:
        return compare_memory(options, paths)
    found = {form: [] for form in forms}
    for _ in range(int(options.rounds)):
        for form in forms:
            found[form].append(measure(options, paths[form]))
    print(f"{'form':16} {'pp t/s':>8} {'/q8_0':>6} {'tg t/s':>8} {'/q8_0':>6} "
          f"{'MB/token':>9} {'GB/s':>6}")
    for form in forms:
        def middle(key, rows=found[form]):
            return statistics.median(row[key] for row in rows)

        def ratio(key, rows=found[form]):
            return statistics.median(a[key] / b[key] for a, b in zip(rows, found["q8_0"]))

        print(f"{form:16} {middle('pp'):8.1f} {ratio('pp'):6.2f} {middle('tg'):8.1f} "
              f"{ratio('tg'):6.2f} {middle('bytes') / 1e6:9.1f} {middle('gbs'):6.2f}")


if __name__ == "__main__":
    main()
