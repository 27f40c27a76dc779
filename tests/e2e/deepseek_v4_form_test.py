#!/usr/bin/env python3
"""DeepSeek-V4 as published, FP8 with E8M0 block scales and FP4 experts: what its own values give.

A golden's weights are quantised here twice: into the lab's tensors, and into the floats that these
stand for. No published file was compared.
"""

import json
import math
import os
import shutil
import struct

from harness import ROOT, Home, Skip, expect, main
from paddle_form_test import read
from random_models_test import decode, encode, safetensors

GOLDEN = os.path.join(os.path.dirname(ROOT), "shared", "goldens", "deepseek-v4")
FP8_MODULES = ("wq_a", "wq_b", "wkv", "wo_a", "wo_b", "w1", "w2", "w3")
FP4_VALUES = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
FP8_VALUES = [(m / 8 if e == 0 else 1 + m / 8) * 2.0 ** (max(e, 1) - 7) for e in range(16) for m in range(8)][:127]
EXPERT_SIZE = 32  # the golden's 24 is no whole group of FP4; zeros are added


def nearest(value, table):
    """The code whose value comes nearest, with the sign in the bit above."""
    size = abs(value)
    code = min(range(len(table)), key=lambda i: abs(table[i] - size))
    return code + (8 if len(table) == 8 else 128) * (value < 0)


def exponent(values, most):
    """The smallest power of two that brings all values to `most` or below."""
    largest = max(map(abs, values))
    return math.ceil(math.log2(largest / most)) if largest > 0 else 0


def pad(values, shape, wanted):
    rows, columns = shape
    lines = [values[r * columns:(r + 1) * columns] + [0.0] * (wanted[1] - columns) for r in range(rows)]
    return sum(lines, []) + [0.0] * ((wanted[0] - rows) * wanted[1])


def fp8(values, shape, block):
    """codes, scales, decoded values of blocks."""
    (rows, columns), (high, wide) = shape, block
    grid, codes, out = [], bytearray(len(values)), [0.0] * len(values)
    for top in range(0, rows, high):
        for left in range(0, columns, wide):
            at = [r * columns + c for r in range(top, min(top + high, rows)) for c in range(left, min(left + wide, columns))]
            power = exponent([values[i] for i in at], 448)
            grid.append(power + 127)
            for i in at:
                codes[i] = nearest(values[i] / 2.0 ** power, FP8_VALUES)
                out[i] = FP8_VALUES[codes[i] & 127] * 2.0 ** power * (-1 if codes[i] > 127 else 1)
    return bytes(codes), [-(-rows // high), -(-columns // wide)], bytes(grid), out


def fp4(values):
    scales, codes, out = bytearray(), [], []
    for start in range(0, len(values), 32):
        power = exponent(values[start:start + 32], 6)
        scales.append(power + 127)
        for value in values[start:start + 32]:
            codes.append(nearest(value / 2.0 ** power, FP4_VALUES))
            out.append(FP4_VALUES[codes[-1] & 7] * 2.0 ** power * (-1 if codes[-1] > 7 else 1))
    return bytes(low | high << 4 for low, high in zip(codes[::2], codes[1::2])), bytes(scales), out


def both_forms(block, fp4_type):
    """The golden's tensors in the published form, and the floats that it holds."""
    packed, floats = {}, {}
    for name, (dtype, shape, data) in read(os.path.join(GOLDEN, "model.safetensors")).items():
        module = name.removesuffix(".weight")
        if dtype != "BF16" or module.split(".")[-1] not in FP8_MODULES or "compressor" in name:
            packed[name] = floats[name] = (dtype, shape, data)
            continue
        values = decode(data, dtype)
        if ".experts." not in name:
            codes, grid, scales, out = fp8(values, shape, block)
            packed[name] = ("F8_E4M3", shape, codes)
            packed[module + ".scale"] = ("F8_E8M0", grid, scales)
        else:
            wanted = [shape[0], EXPERT_SIZE] if name.endswith("w2.weight") else [EXPERT_SIZE, shape[1]]
            values, shape = pad(values, shape, wanted), wanted
            codes, scales, out = fp4(values)
            packed[name] = (fp4_type, [shape[0], shape[1] // (1 if fp4_type == "F4" else 2)], codes)
            packed[module + ".scale"] = ("F8_E8M0", [shape[0], shape[1] // 32], scales)
        floats[name] = ("BF16", shape, encode(out, "BF16"))
    for name in [n for n in floats if ".shared_experts." in n]:  # as wide as the others
        wide = [floats[name][1][0], EXPERT_SIZE] if name.endswith("w2.weight") else [EXPERT_SIZE, floats[name][1][1]]
        dtype, shape, data = floats[name]
        floats[name] = (dtype, wide, encode(pad(decode(data, dtype), shape, wide), dtype))
        _, shape, data = packed[name]
        signed = pad(list(data), shape, wide)
        packed[name] = ("F8_E4M3", wide, bytes(int(v) for v in signed))
        grid = [-(-n // b) for n, b in zip(wide, block)]
        expect(grid[0] * grid[1] >= len(packed[name.replace("weight", "scale")][2]))
        scales = pad(list(packed[name.replace("weight", "scale")][2]),
                     packed[name.replace("weight", "scale")][1], grid)
        packed[name.replace("weight", "scale")] = ("F8_E8M0", grid, bytes(int(v) for v in scales))
    return packed, floats


def published_config(block, **more):
    with open(os.path.join(GOLDEN, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    config.update(moe_intermediate_size=EXPERT_SIZE, num_nextn_predict_layers=1)
    quantization = {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8",
                    "scale_fmt": "ue8m0", "weight_block_size": list(block)}
    return config, {**config, "quantization_config": quantization, **more}


def write(home, name, config, tensors):
    home.file(f"{name}/config.json", json.dumps(config))
    home.file(f"{name}/model.safetensors", safetensors(tensors))
    for extra in ("golden.safetensors", "meta.json"):
        shutil.copy(os.path.join(GOLDEN, extra), os.path.join(home.path, name))
    return os.path.join(home.path, name)


def errors(home, folder):
    """How far from the golden: not equal to it, but the same for the same logits."""
    rows = home.tael("verify", folder, "--matmul", "float", "--json").json()["results"]
    expect(len(rows) == 1 and 0 < rows[0]["error"] < 0.5, rows)
    return rows[0]["error"]


def require_golden():
    if not os.path.isdir(GOLDEN):
        raise Skip("no deepseek-v4 among the shared goldens")


def published_form():
    require_golden()
    for block, fp4_type, more in (((128, 128), "I8", {"expert_dtype": "fp4"}), ((16, 32), "F4", {})):
        packed, floats = both_forms(block, fp4_type)
        plain, config = published_config(block, **more)
        drafts = {"mtp.0.e_proj.weight": ("F8_E4M3", [2, 2], b"\0" * 4), "mtp.0.e_proj.scale": ("F8_E8M0", [1, 1], b"\x7f")}
        with Home() as home:
            published = write(home, "published", config, {**packed, **drafts})
            twin = write(home, "twin", plain, floats)
            expect(errors(home, published) == errors(home, twin), "other logits than the floats")
            seen = home.tael("inspect", published, "--json").json()
            elements = {key: home.tael("inspect", twin, "--json").json()[key] for key in ("parameters", "active_parameters")}
            left = sum(math.prod(shape) for _, shape, _ in drafts.values())  # no packed matrix was made of them
            expect(all(seen[key] == value + left for key, value in elements.items()), seen["parameters"], elements)
            forms = {f["form"]: f for f in seen["packed"]}
            expect(set(forms) == {"MXFP4", *[f for f in forms if f.startswith("F8_E4M3")]}, forms)
            expert_bytes = sum(len(t[2]) for n, t in packed.items() if ".experts." in n)
            expect(forms["MXFP4"]["bytes"] == expert_bytes, forms, expert_bytes)


def conversion():
    require_golden()
    packed, floats = both_forms((128, 128), "I8")
    plain, config = published_config((128, 128), expert_dtype="fp4")
    drafts = {"mtp.0.e_proj.weight": ("BF16", [2, 2], bytes(8))}
    with Home() as home:
        published = write(home, "published", config, packed)
        gguf, back = (os.path.join(home.path, name) for name in ("m.gguf", "back"))
        refused = home.tael("convert", published, gguf)
        expect(refused.code == 1 and "float8 with scales" in refused.err and not os.path.exists(gguf), refused)
        twin = write(home, "twin", plain, {**floats, **drafts})
        result = home.tael("convert", twin, gguf)
        expect(result.code == 0 and "1 tensor(s) that the network does not use are left out, the first is mtp.0" in result.err, result)
        expect(home.tael("inspect", gguf, "--json").json()["spec"] == home.tael("inspect", twin, "--json").json()["spec"])
        expect(home.tael("convert", gguf, back).code == 0)
        expect(read(os.path.join(back, "model.safetensors")) == floats, "other tensors")


def refusals():
    require_golden()
    packed, _ = both_forms((128, 128), "I8")
    _, config = published_config((128, 128))
    expert = "layers.2.ffn.experts.3.w2"
    cases = [
        ({"expert_dtype": "fp8"}, {}, "layers.0.ffn.experts.0.w1.weight"),
        ({"expert_dtype": "nf4"}, {}, "expert_dtype is 'nf4'"),
        ({"expert_dtype": "fp4"}, {expert + ".weight": ("F8_E4M3", [64, 32], bytes(64 * 32))}, expert),
        ({}, {expert + ".scale": ("F8_E8M0", [64, 2], bytes(128))}, f"'{expert}.scale' has shape [64, 2], needed [64, 1]"),
        ({}, {expert + ".scale": None}, f"missing tensor '{expert}"),
        ({}, {"layers.0.attn.wq_a.scale": ("F8_E8M0", [2, 1], bytes(2))}, "'layers.0.attn.wq_a.scale' has shape [2, 1]"),
        ({}, {"layers.0.attn.wq_a.weight_scale_inv": ("F8_E8M0", [1, 1], bytes(1))}, "unexpected tensor 'layers.0.attn.wq_a.scale'"),
    ]
    for keys, tensors, text in cases:
        changed = {name: tensor for name, tensor in {**packed, **tensors}.items() if tensor is not None}
        with Home() as home:
            result = home.tael("inspect", write(home, "m", {**config, **keys}, changed))
            expect(result.code == 1 and text in result.err, text, result)


if __name__ == "__main__":
    main([published_form, conversion, refusals])
