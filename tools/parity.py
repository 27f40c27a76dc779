#!/usr/bin/env python3
"""Writes docs/parity.md from `tael verify --json`: family x form, error, agreement.

    build/release/tael verify ../shared/goldens --json > parity.json
    tools/parity.py parity.json > docs/parity.md

With `--run TAEL PATH...` the program is run first. A path may hold files of other converters: a folder with
model.gguf and the golden.safetensors of the checkpoint it was made of is a row. Families without a golden are those that
src/model/families.cc lists and no row names; the page says so.
"""

import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KINDS = [("family", "safetensors, as the lab ships it"), ("gguf", "GGUF of the family"),
         ("quantised", "Quantised Hugging Face forms"), ("lora", "LoRA adapters")]
# What the rows of a family say about others that share every line of code with it.
ALSO = {
    "llama": "Llama 2, TinyLlama", "llama3": "Llama 3, 3.1, 3.2, 3.3, R1-Distill-Llama", "yi": "Yi, Yi-1.5",
    "qwen2": "Qwen2, Qwen2.5, QwQ, R1-Distill-Qwen", "qwen2-yarn": "Qwen2.5 beyond 32k",
    "deepseek-v3": "V3, V3.1, R1", "deepseek-v2-lite": "V2-Lite, V2-Lite-Chat", "kimi-k2": "Kimi K2",
    "glm4-moe": "GLM-4.5, 4.5-Air, 4.6", "phi3": "Phi-3, Phi-4 (dense)",
    "phi3-longrope": "Phi-3 128k, Phi-4-mini", "mistral": "Mistral, Ministral",
}


def number(value):
    return "-" if value is None else f"{value:.1e}"


def share(value):
    return "-" if not value else f"{value['same']}/{value['of']}"


def table(rows):
    lines = ["| golden | also | logits NMSE | tolerance | top-1 | greedy | status |",
             "| --- | --- | ---: | ---: | ---: | ---: | --- |"]
    for row in rows:
        name = row["name"]
        lines.append(f"| {name} | {ALSO.get(name.split('/')[0], '')} | {number(row['error'])} | {number(row['tolerance'])} "
                     f"| {share(row.get('top1'))} | {share(row.get('greedy'))} | {row['status']} |")
    return lines


def unverified():
    """Comments of family files that say that no reference has confirmed something: (file, comment)."""
    folder = os.path.join(ROOT, "src/model/families")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            text = file.read()
        for comment in re.findall(r"(?:^// .*\n)+", text, re.MULTILINE):
            if "Unverified" in comment:
                yield name, " ".join(line[3:] for line in comment.splitlines())


def page(found):
    lines = [
        "# Parity",
        "",
        "Written by `tools/parity.py` from `tael verify --json`; do not edit. Every row is a checkpoint with reference logits that an independent",
        "implementation computed. The error is the normalised mean square error of all logits, the worst of: the whole prompt at once, token by token, random",
        "pieces; hidden states and router decisions are compared too. `(integer)` rows use 8-bit activations, the default for block formats. Top-1 counts",
        "positions with the same best token, greedy the tokens of continued prompts up to the first that differs.",
        "",
        f"Version {found['version']}, numerics {found['numerics_version']}: {found['summary']['pass']} passed, "
        f"{found['summary']['fail']} failed, {found['summary']['unsupported']} unsupported.",
    ]
    for kind, title in KINDS:
        rows = sorted((r for r in found["results"] if r["kind"] == kind), key=lambda r: r["name"])
        if rows:
            lines += ["", f"## {title}", ""] + table(rows)
    lines += ["", "## Without a golden", "",
              "Written from published descriptions; no reference has confirmed them.", ""]
    rows = [f"- `{name}`: {head}" for name, head in unverified()]
    return "\n".join(lines + (rows or ["- none"])) + "\n"


def main():
    if len(sys.argv) > 3 and sys.argv[1] == "--run":
        done = subprocess.run([sys.argv[2], "verify", "--json", *sys.argv[3:]], capture_output=True, check=False)
        text = done.stdout.decode()
    elif len(sys.argv) == 2:
        with open(sys.argv[1], encoding="utf-8") as file:
            text = file.read()
    else:
        sys.exit(__doc__)
    sys.stdout.write(page(json.loads(text)))


if __name__ == "__main__":
    main()
