#!/usr/bin/env python3
"""ERNIE 4.5 with PaddlePaddle's names and layouts: the same logits as the form with Llama's names."""

import json
import os
import shutil
import struct

from harness import ROOT, Home, Skip, expect, main
from random_models_test import safetensors

SHARED = os.path.join(os.path.dirname(ROOT), "shared", "goldens")
BYTES = {"BF16": 2, "F16": 2, "F32": 4}


def read(path):
    """name -> (dtype, shape, bytes), in the order of the file."""
    with open(path, "rb") as file:
        data = file.read()
    (size,) = struct.unpack("<Q", data[:8])
    header, body = json.loads(data[8:8 + size]), data[8 + size:]
    header.pop("__metadata__", None)
    return {name: (t["dtype"], t["shape"], body[slice(*t["data_offsets"])]) for name, t in header.items()}


def transposed(tensor):
    dtype, (rows, columns), data = tensor
    step = BYTES[dtype]
    cells = [data[i:i + step] for i in range(0, len(data), step)]
    return dtype, [columns, rows], b"".join(cells[r * columns + c] for c in range(columns) for r in range(rows))


def stacked(parts):
    return parts[0][0], [sum(p[1][0] for p in parts), parts[0][1][1]], b"".join(p[2] for p in parts)


def paddle_form(tensors):
    """Fuses q, k, v and gate, up; transposes all matrices but the embedding; renames."""
    out, done = {}, set()
    fusions = [("q_proj", ["q_proj", "k_proj", "v_proj"], "qkv_proj"), ("gate_proj", ["gate_proj", "up_proj"], "up_gate_proj")]
    for name, tensor in tensors.items():
        if name in done:
            continue
        for first, parts, fused in fusions:
            if name.endswith(f".{first}.weight"):
                names = [name.replace(first, part) for part in parts]
                done.update(names)
                tensor, name = stacked([tensors[n] for n in names]), name.replace(first, fused)
        if name.endswith(("k_proj.weight", "v_proj.weight", "up_proj.weight")) and ".qkv" not in name:
            continue  # taken with the first of its kind
        matrix = len(tensor[1]) == 2 and "embed_tokens" not in name and "moe_statics" not in name
        out[name.replace("model.", "ernie.", 1)] = transposed(tensor) if matrix else tensor
    return out


def check(golden):
    source = os.path.join(SHARED, golden)
    if not os.path.isdir(source):
        raise Skip(f"no {golden} among the shared goldens")
    with Home() as home:
        folder = os.path.join(home.path, "m")
        os.makedirs(folder)
        for name in ("config.json", "golden.safetensors", "meta.json"):
            shutil.copy(os.path.join(source, name), folder)
        home.file("m/model.safetensors", safetensors(paddle_form(read(os.path.join(source, "model.safetensors")))))
        wanted = home.tael("verify", os.path.join(source, "golden.safetensors"), "--json").json()["results"][0]
        result = home.tael("verify", folder, "--json")
        rows = result.json()["results"]
        expect(result.code == 0 and len(rows) == 1 and rows[0]["status"] == "pass", result)
        expect(rows[0]["error"] == wanted["error"], rows, wanted)


def dense_model():
    check("ernie4-5")


def mixture_of_experts():
    check("ernie4-5-moe")


if __name__ == "__main__":
    main([dense_model, mixture_of_experts])
