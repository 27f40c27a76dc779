#!/usr/bin/env python3
"""The same measurement as src/text/tokenizer_bench.cc for Hugging Face's `tokenizers`, one thread,
in processor time.

Usage: tokenizer_bench.py TOKENIZER_JSON[.gz] TEXT...   (needs `pip install tokenizers`)
"""
import gzip
import os
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
from tokenizers import Tokenizer  # noqa: E402

MAX_BYTES = 4 << 20


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def measure(tokenizer, label, texts):
    size = sum(len(text.encode()) for text in texts)
    best, tokens, start = 1e9, 0, time.process_time()
    while time.process_time() - start < 1.0:
        begin = time.process_time()
        tokens = sum(len(tokenizer.encode(text, add_special_tokens=False).ids) for text in texts)
        best = min(best, time.process_time() - begin)
    print(f"{label:40} {size / best / 1e6:8.2f} MB/s  {tokens} tokens", flush=True)


def main():
    tokenizer = Tokenizer.from_str(read(sys.argv[1]).decode("utf-8"))
    for path in sys.argv[2:]:
        text = read(path)[:MAX_BYTES].decode("utf-8", "ignore")
        measure(tokenizer, os.path.basename(path), [text])
        measure(tokenizer, "  line by line", text.split("\n"))


main()
