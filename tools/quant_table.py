#!/usr/bin/env python3
"""Measures what recipes cost: bytes, KL divergence and perplexity against the model they are made of.

usage: quant_table.py MODEL TEXT [--calibrate TEXT] [--recipes Q4_0,Q4_K_M,auto:Q4_K_M] [--auto-types A,B] [--search] [--tokens N]
Prints a Markdown table. With --calibrate every recipe is made with an importance matrix of that text too.
"""

import argparse
import json
import os
import subprocess
import tempfile

TAEL = os.environ.get("TAEL_BIN", os.path.join(os.path.dirname(__file__), "..", "build", "release", "tael"))
RECIPES = ("Q8_0,Q6_K,Q5_K_M,Q5_K_S,Q5_1,Q5_0,Q4_K_M,Q4_K_S,Q4_1,Q4_0,IQ4_NL,IQ4_XS,"
           "Q3_K_L,Q3_K_M,Q3_K_S,IQ3_S,Q2_K")


def tael(*arguments):
    done = subprocess.run([TAEL, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"tael {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def measure(arguments, model):
    text = tael("eval", "compare", arguments.model, model, arguments.text, "--matmul", "float", "--json",
                "--max-tokens", str(arguments.tokens))
    return json.loads(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("text")
    parser.add_argument("--calibrate")
    parser.add_argument("--recipes", default=RECIPES)
    parser.add_argument("--auto-types", default="")
    parser.add_argument("--auto-tokens", default="256")
    parser.add_argument("--search", action="store_true", help="every recipe with --search too")
    parser.add_argument("--tokens", type=int, default=2048)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        importance, out = os.path.join(folder, "imatrix.gguf"), os.path.join(folder, "model.gguf")
        ways = [("", []), ("searched", ["--search"])] if arguments.search else [("", [])]
        if arguments.calibrate:
            tael("imatrix", arguments.model, arguments.calibrate, "-o", importance, "--max-tokens", "8192")
            ways.append(("importance", ["--imatrix", importance]))
        print("| recipe | how | bytes | KL divergence | +/- | same top token | perplexity |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for recipe in arguments.recipes.split(","):
            for name, options in ways:
                options = list(options)
                if recipe.startswith("auto"):
                    if not name and arguments.search:
                        continue  # measured types are searched anyway
                    options += ["--calibrate", arguments.calibrate, "--calibrate-tokens", arguments.auto_tokens]
                    for kind in filter(None, arguments.auto_types.split(",")):
                        options += ["--auto-type", kind]
                tael("quantize", arguments.model, out, "--type", recipe, "--force", *options)
                found = measure(arguments, out)
                print(f"| {recipe} | {name} | {os.path.getsize(out):,} | {found['kl']['value']:.5f} "
                      f"| {found['kl']['error']:.5f} | {100 * found['top1_agreement']['value']:.1f} % "
                      f"| {found['perplexity']['value']:.3f} |", flush=True)


if __name__ == "__main__":
    main()
