#!/usr/bin/env python3
"""The accuracy ledger: how exact every way to compute is, written into docs/accuracy.md.

usage: tools/ledger.py [--tael PATH] [--model FILE] [--shared DIR] [--tokens N] [--write] [--json FILE]

Two measures. Goldens: normalised mean square error of the logits of every block format against an independent
float32 implementation (`tael verify`), once per kernel table of this machine; tables must agree in every
digit. A real model (SmolLM2): KL divergence of every mode and cache type from the same weights in float32 with a
float32 cache (`tael eval compare`). Then two rules are checked, and broken ones end with exit code 1: nothing that is
on by default is less exact than the default of llama.cpp, and every kernel table gives the same figures. Without
--write the part of the page is printed.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import marked

ROOT = Path(__file__).resolve().parent.parent
# Of the shared goldens' README: llama.cpp 0.5.0 on the same files, 8-bit activations.
PEER_NMSE = 6.3e-4
TEXTS = ("en_novels_pd", "us_presidential_speeches", "sqlite_docs", "code_python_stdlib")
MODES = ("float", "integer")
CACHES = ("f32", "f16", "bf16", "q8_0")
DEFAULT = ("integer", "f16")


def run(command: list[str], isa: str = "") -> dict:
    environment = {**os.environ, **({"TAEL_FORCE_ISA": isa} if isa else {})}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-300:]}") from None


def format_of(name: str) -> str | None:
    """The block format that a golden file is about."""
    found = re.search(r"(?:pure|mix)_(\w+)\.gguf", name)
    return found.group(1) if found else None


def golden_errors(report: dict) -> dict[tuple[str, str], float]:
    """Worst error by format and path of the rows of `tael verify --json`."""
    errors: dict[tuple[str, str], float] = {}
    for row in report["results"]:
        label = format_of(row["name"])
        if label is None or row.get("error") is None:
            continue
        key = (label, "integer" if "(integer)" in row["name"] else "float")
        errors[key] = max(errors.get(key, 0.0), row["error"])
    return errors


def measure_goldens(options: argparse.Namespace) -> dict:
    """{"tables": [...], "errors": {format: {path: error}}, "differing": [...]}"""
    folders = [str(path) for path in (options.shared / "goldens/quant/gguf", ROOT / "tests/golden/quant/gguf")
               if path.is_dir()][:1]
    tables = run([options.tael, "doctor", "--json"])["kernels"]
    by_table = {table: golden_errors(run([options.tael, "verify", *folders, "--json"], table)) for table in tables}
    first = by_table[tables[0]]
    differing = sorted(f"{table} {label} {path}" for table, errors in by_table.items() for (label, path), error
                       in errors.items() if error != first.get((label, path)))
    errors: dict[str, dict[str, float]] = {}
    for (label, path), error in sorted(first.items()):
        errors.setdefault(label, {})[path] = error
    return {"tables": tables, "errors": errors, "differing": differing}


def measure_model(options: argparse.Namespace) -> dict:
    """KL divergence and agreement of every mode and cache type from float32."""
    texts = [str(options.shared / "assets/text" / f"{name}.txt.gz") for name in TEXTS] if not options.text \
        else options.text
    ways = []
    for mode in MODES:
        for cache in CACHES:
            if (mode, cache) == ("float", "f32"):
                continue
            found = run([options.tael, "eval", "compare", options.model, options.model, *texts, "--json", "--matmul", mode,
                         "--kv", cache, "--base-matmul", "float", "--base-kv", "f32", "--max-tokens", str(options.tokens)])
            ways.append({"matmul": mode, "kv": cache, "scored": found["scored"], "kl": found["kl"],
                         "top1_agreement": found["top1_agreement"], "perplexity_ratio": found["perplexity_ratio"]})
            print(f"{mode} {cache}: KL {found['kl']['value']:.3g}", file=sys.stderr)
    return {"file": Path(options.model).name, "texts": [Path(text).name for text in texts], "ways": ways,
            "bf16": measure_bf16(options, texts)}


def measure_bf16(options: argparse.Namespace, texts: list[str]) -> list[dict]:
    """The same of `--matmul bf16`, which needs BF16 weights: the distance from float32 arithmetic on the same ones."""
    ways = []
    with tempfile.TemporaryDirectory() as folder:
        model = str(Path(folder) / "model")  # GGUF becomes a directory
        subprocess.run([options.tael, "convert", options.model, model, "--dtype", "bf16"], check=True,
                       stdout=subprocess.DEVNULL)
        for cache in ("f32", "f16"):
            found = run([options.tael, "eval", "compare", model, model, *texts, "--json", "--matmul", "bf16",
                         "--kv", cache, "--base-matmul", "float", "--base-kv", "f32", "--max-tokens", str(options.tokens)])
            ways.append({"matmul": "bf16", "kv": cache, "scored": found["scored"], "kl": found["kl"],
                         "top1_agreement": found["top1_agreement"], "perplexity_ratio": found["perplexity_ratio"]})
            print(f"bf16 {cache}: KL {found['kl']['value']:.3g}", file=sys.stderr)
    return ways


def measure_reference(options: argparse.Namespace) -> list[dict] | None:
    """Rows of the real model against an independent float32 implementation; what integer rows may
    differ at most is what llama.cpp does."""
    folder = options.shared / "goldens/real/smollm2-135m"
    if not folder.is_dir():
        return None
    report = run([options.tael, "verify", str(folder), "--json", "--assets", str(Path(options.model).parent)])
    return [{key: row.get(key) for key in ("name", "error", "tolerance", "status")} for row in report["results"]]


def broken_rules(ledger: dict) -> list[str]:
    problems = [f"kernel table differs: {what}" for what in ledger["goldens"]["differing"]]
    for label, errors in ledger["goldens"]["errors"].items():
        if errors.get("integer", 0.0) > PEER_NMSE:
            problems.append(f"{label}: the default's error {errors['integer']:.1e} is above llama.cpp's {PEER_NMSE:.1e}")
    for row in ledger["reference"] or []:
        if row["status"] != "pass":
            problems.append(f"{row['name']}: {row['error']} where {row['tolerance']} is allowed")
    if not ledger["goldens"]["errors"]:
        problems.append("no golden was found")
    return problems


def golden_lines(goldens: dict) -> list[str]:
    lines = [f"Kernel tables of this machine: {', '.join(goldens['tables'])}; " +
             ("every figure is the same on all of them." if not goldens["differing"] else
              "**not the same**: " + "; ".join(goldens["differing"]) + "."), "",
             "| format | `--matmul float` | `--matmul integer` (default) | llama.cpp's default, at most |",
             "| --- | ---: | ---: | ---: |"]
    for label, errors in goldens["errors"].items():
        cells = [f"{errors[path]:.1e}" if path in errors else "-" for path in MODES]
        lines.append(f"| {label} | {cells[0]} | {cells[1]} | {PEER_NMSE:.1e} |")
    return lines


def model_lines(model: dict) -> list[str]:
    scored = model["ways"][0]["scored"]
    lines = [f"{model['file']}, {scored} tokens of {', '.join(model['texts'])}; distance from float32 arithmetic with a "
             "float32 cache, in nats (bf16: of the weights rounded to BF16, from float32 arithmetic on those):", "",
             "| `--matmul` | `--kv` | KL, mean | KL, 99 % | same best token | perplexity ratio |",
             "| --- | --- | ---: | ---: | ---: | ---: |"]
    for way in model["ways"] + model["bf16"]:
        mark = " (default)" if (way["matmul"], way["kv"]) == DEFAULT else ""
        lines.append(f"| {way['matmul']} | {way['kv']}{mark} | {way['kl']['value']:.2e} ± {way['kl']['error']:.0e} "
                     f"| {way['kl']['p99']:.1e} | {100 * way['top1_agreement']['value']:.2f} % "
                     f"| {way['perplexity_ratio']['value']:.5f} |")
    return lines


def reference_lines(rows: list[dict]) -> list[str]:
    lines = ["The same model against an independent float32 implementation. What integer rows may be off at most is what llama.cpp's "
             "default is off on the same inputs:", "", "| check | error | at most | status |", "| --- | ---: | ---: | --- |"]
    for row in rows:
        cells = ["-" if row[key] is None else f"{row[key]:.1e}" for key in ("error", "tolerance")]
        lines.append(f"| {row['name']} | {cells[0]} | {cells[1]} | {row['status']} |")
    return lines


def to_markdown(ledger: dict) -> str:
    lines = golden_lines(ledger["goldens"])
    for part, make in (("model", model_lines), ("reference", reference_lines)):
        if ledger[part] is not None:
            lines += ["", *make(ledger[part])]
    problems = broken_rules(ledger)
    lines += ["", "Rules: " + ("kept." if not problems else "**broken**: " + "; ".join(problems) + ".")]
    return "\n".join(lines) + "\n"


def measure(options: argparse.Namespace) -> dict:
    here = Path(options.model).is_file()
    if not here:
        print(f"left out: {options.model} is not there (build/release/tael pull smollm2)", file=sys.stderr)
    return {"goldens": measure_goldens(options), "model": measure_model(options) if here else None,
            "reference": measure_reference(options) if here else None}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tael", default=str(ROOT / "build/release/tael"))
    parser.add_argument("--model", default=str(ROOT / "build/models/SmolLM2-135M-Instruct.Q4_1.gguf"))
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("TAEL_SHARED", ROOT.parent / "shared")))
    parser.add_argument("--text", action="append", default=[], help="instead of the shared texts (repeatable)")
    parser.add_argument("--tokens", type=int, default=1024, help="of each text (1024)")
    parser.add_argument("--write", action="store_true", help="into docs/accuracy.md, between its marks")
    parser.add_argument("--json", metavar="FILE")
    return parser.parse_args(arguments)


def main() -> int:
    options = parse()
    ledger = measure(options)
    text = to_markdown(ledger)
    if options.json:
        Path(options.json).write_text(json.dumps(ledger, indent=1) + "\n", encoding="utf-8")
    if options.write:
        marked.write(ROOT / "docs/accuracy.md", {"ledger": text})
    else:
        print(text, end="")
    problems = broken_rules(ledger)
    for problem in problems:
        print(f"broken: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
