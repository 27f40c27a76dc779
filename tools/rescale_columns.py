#!/usr/bin/env python3
"""Makes the weights of an F32 llama GGUF file look unquantised without changing what it computes.

usage: rescale_columns.py MODEL.gguf   (changed in place; `tael quantize SOURCE MODEL.gguf --type f32` makes one)

The only copy of a small real model may be a quantised one, whose weights lie on a few levels per block. Types
with the same blocks then lose nothing and comparisons of recipes mean nothing. Here every input column of every
matrix is multiplied by a random factor and what feeds it is divided by the same: gains of the norms before
q, k, v, gate and up, rows of v before o, rows of up before down. The network stays the same but for roundings.
"""

import array
import mmap
import random
import struct
import sys

SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}


class Reader:
    """Keys and tensor places of a GGUF file."""

    def __init__(self, data):
        self.data, self.at, self.keys, self.tensors = data, 4, {}, {}
        _, tensors, keys = self.number("I"), self.number("Q"), self.number("Q")
        for _ in range(keys):
            name = self.text()
            self.keys[name] = self.value(self.number("I"))
        found = []
        for _ in range(tensors):
            name = self.text()
            shape = [self.number("Q") for _ in range(self.number("I"))]
            found.append((name, shape, self.number("I"), self.number("Q")))
        start = (self.at + 31) // 32 * 32
        for name, shape, kind, offset in found:
            self.tensors[name] = (shape, kind, start + offset)

    def number(self, form):
        (value,) = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return value

    def text(self):
        size = self.number("Q")
        self.at += size
        return self.data[self.at - size:self.at].decode()

    def value(self, kind):
        if kind == 8:
            return self.text()
        if kind == 9:
            element, count = self.number("I"), self.number("Q")
            return [self.value(element) for _ in range(count)]
        self.at += SIZES[kind]
        if SIZES[kind] > 4 or kind == 6:
            return None
        return int.from_bytes(self.data[self.at - SIZES[kind]:self.at], "little")


def scale(file, reader, name, columns=None, rows=None):
    shape, kind, at = reader.tensors[name]
    if kind != 0:
        raise SystemExit(f"{name}: is no F32")
    width, height = shape[0], shape[1] if len(shape) > 1 else 1
    for r in range(height):
        place = slice(at + 4 * width * r, at + 4 * width * (r + 1))
        row = array.array("f", file[place])
        by = rows[r] if rows else 1.0
        row = array.array("f", [v * c * by for v, c in zip(row, columns)] if columns else [v * by for v in row])
        file[place] = row.tobytes()


def main():
    with open(sys.argv[1], "r+b") as raw, mmap.mmap(raw.fileno(), 0) as file:
        reader = Reader(file)
        heads = reader.keys["llama.attention.head_count"]
        kv_heads = reader.keys["llama.attention.head_count_kv"]
        hidden = reader.keys["llama.embedding_length"]
        head_dim, inner = hidden // heads, reader.keys["llama.feed_forward_length"]
        draw = random.Random(1)

        def factors(count):
            return [2.0 ** draw.uniform(-0.4, 0.4) for _ in range(count)]

        for layer in range(reader.keys["llama.block_count"]):
            name = f"blk.{layer}."
            for norm, readers in (("attn_norm", ("attn_q", "attn_k", "attn_v")), ("ffn_norm", ("ffn_gate", "ffn_up"))):
                f = factors(hidden)
                scale(file, reader, f"{name}{norm}.weight", columns=f)
                for matrix in readers:
                    scale(file, reader, f"{name}{matrix}.weight", columns=[1 / x for x in f])
            f = factors(kv_heads * head_dim)
            scale(file, reader, name + "attn_v.weight", rows=f)
            group = heads // kv_heads
            scale(file, reader, name + "attn_output.weight",
                  columns=[1 / f[h // group * head_dim + d] for h in range(heads) for d in range(head_dim)])
            f = factors(inner)
            scale(file, reader, name + "ffn_up.weight", rows=f)
            scale(file, reader, name + "ffn_down.weight", columns=[1 / x for x in f])


if __name__ == "__main__":
    main()
