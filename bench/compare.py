#!/usr/bin/env python3
"""Measures tael and other programs side by side, in turn, on the same files.

usage: bench/compare.py [--tael PATH] [--peer NAME=PATH [ARGS]]... MODEL... [options]

A peer is a `llama-bench` by path, with arguments of its own: --peer "ik=/path/llama-bench -rtr 1". For
several sequences its neighbour `llama-batched-bench` is called, or what --batched names. How to get the
peers: docs/benchmarks.md. Every test runs once per round on every program, A B C A B C, each time in a new
process, so that a disturbance of the machine meets all of them; the figure is the median over rounds. A
program that fails is shown with its reason. Ratios are tael over the best peer. Exit code 1 when nothing
could be measured.
"""

import argparse
import json
import os
import shlex
import statistics
import sys
from pathlib import Path

import machine
from tools import LlamaBench, Tael, Test, Tool, ToolError


def numbers(text: str) -> list[int]:
    values = [int(part) for part in text.split(",")]
    if min(values) < 0:
        raise argparse.ArgumentTypeError(f"'{text}': no number may be negative")
    return values


def named(text: str) -> tuple[str, list[str]]:
    name, equals, command = text.partition("=")
    words = shlex.split(command)
    if not equals or not name or not words:
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=PATH [ARGS]")
    return name, words


def make_tests(options: argparse.Namespace) -> list[Test]:
    """Every prefill and every decode at every depth; several sequences at the depths of --batch-depths."""
    tests = []
    for depth in options.depth:
        tests += [Test(prompt=count, depth=depth) for count in options.prompt if count]
        tests += [Test(generated=count, depth=depth) for count in options.gen if count]
    for depth in options.batch_depths:
        tests += [Test(generated=count, depth=depth, sequences=many)
                  for count in options.gen for many in options.batch if count and many > 1]
    return tests


def make_tools(options: argparse.Namespace) -> list[Tool]:
    batched = dict(options.batched)
    unknown = set(batched) - {name for name, _ in options.peer}
    if unknown:
        raise SystemExit(f"--batched {sorted(unknown)[0]}: there is no --peer of this name")
    tael = Tael("tael", options.tael)
    tael.same_tokens = options.same_tokens
    return [tael] + [LlamaBench(name, command, batched.get(name)) for name, command in options.peer]


def measure(tool: Tool, model: str, test: Test, options: argparse.Namespace) -> dict:
    """One call: {"speed" or "failed", and what disturbed it}."""
    meter = machine.Meter()
    try:
        sample = {"speed": tool.tokens_per_second(model, test, options.threads)}
    except ToolError as error:
        sample = {"failed": str(error)}
    return {**sample, **meter.read()}


def summarize(samples: list[dict]) -> dict:
    """The median of the valid samples, or of all when none is valid; a program that failed once has failed."""
    failed = [sample["failed"] for sample in samples if "failed" in sample]
    if failed:
        return {"failed": failed[0], "samples": samples}
    valid = [sample["speed"] for sample in samples if sample["valid"]]
    speeds = valid or [sample["speed"] for sample in samples]
    return {"median": statistics.median(speeds), "min": min(speeds), "max": max(speeds),
            "valid_samples": len(valid), "samples": samples}


def compare_row(results: dict[str, dict]) -> dict:
    """The best peer by median, and tael over it; null where there is none to compare."""
    peers = {name: result["median"] for name, result in results.items() if name != "tael" and "median" in result}
    best = max(peers, key=lambda name: peers[name]) if peers else None
    own = results["tael"].get("median")
    return {"best_peer": best, "ratio": own / peers[best] if best and own else None}


def run(options: argparse.Namespace) -> dict:
    tools, tests = make_tools(options), make_tests(options)
    report: dict = {"machine": machine.facts(), "threads": options.threads, "rounds": options.rounds,
                    "load_before": os.getloadavg()[0], "rows": []}
    for model in options.models:
        for test in tests:
            samples: dict[str, list[dict]] = {tool.name: [] for tool in tools}
            for number in range(options.rounds):
                for tool in tools:
                    sample = measure(tool, model, test, options)
                    samples[tool.name].append(sample)
                    print(f"{Path(model).name} {test.name()} round {number + 1}: {tool.name} "
                          f"{sample.get('failed') or round(sample['speed'], 2)}", file=sys.stderr)
            results = {name: summarize(taken) for name, taken in samples.items()}
            report["rows"].append({"model": Path(model).name, "test": test.name(), "results": results,
                                   **compare_row(results)})
    report["load_after"] = os.getloadavg()[0]
    report["tools"] = [tool.describe() for tool in tools]
    return report


def cell(result: dict) -> str:
    if "failed" in result:
        return "failed: " + result["failed"].replace("|", "/")
    spread = (result["max"] - result["min"]) / result["median"]
    mark = "" if result["valid_samples"] else " (disturbed)"
    return f"{result['median']:.1f} ±{50 * spread:.0f} %{mark}"


def to_markdown(report: dict) -> str:
    """A table of medians; ± is half of what lies between the smallest and the largest."""
    facts = report["machine"]
    lines = [f"{facts['cpu']} ({', '.join(part for part in (facts['cpu_numbers'], facts['cache']) if part)}), "
             f"{facts['processors']} processors, {report['threads']} threads, {facts['date']}. "
             f"Instruction sets: {' '.join(facts['instruction_sets']) or 'unknown'}. "
             f"Rounds: {report['rounds']}. Load {report['load_before']:.2f} before, {report['load_after']:.2f} after; "
             f"stolen at most {100 * worst(report, 'stolen'):.0f} %, used by others at most "
             f"{100 * worst(report, 'others'):.0f} % in a single run.", ""]
    for tool in report["tools"]:
        detail = ", ".join(f"{key} {value}" for key, value in tool.items()
                           if key not in ("name", "command", "batched") and value is not None)
        arguments = " ".join(shlex.split(tool["command"])[1:])
        lines.append(f"- **{tool['name']}**: {detail or 'gave no version'}{'; ' + arguments if arguments else ''}")
    names = [tool["name"] for tool in report["tools"]]
    lines += ["", "| model | test | " + " | ".join(names) + " | tael / best peer |", "|---" * (len(names) + 3) + "|"]
    for row in report["rows"]:
        ratio = f"{row['ratio']:.2f} ({row['best_peer']})" if row["ratio"] else "-"
        lines.append(f"| {row['model']} | {row['test']} | " +
                     " | ".join(cell(row["results"][name]) for name in names) + f" | {ratio} |")
    return "\n".join(lines) + "\n"


def worst(report: dict, key: str) -> float:
    return max((sample[key] for row in report["rows"] for result in row["results"].values()
                for sample in result["samples"] if sample[key] is not None), default=0.0)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--tael", type=shlex.split, default=["build/release/tael"], metavar="PATH [ARGS]")
    parser.add_argument("--peer", type=named, action="append", default=[], metavar="NAME=PATH [ARGS]")
    parser.add_argument("--batched", type=named, action="append", default=[], metavar="NAME=PATH [ARGS]",
                        help="the program of a peer for several sequences")
    parser.add_argument("-p", "--prompt", type=numbers, default=[512])
    parser.add_argument("-n", "--gen", type=numbers, default=[32])
    parser.add_argument("-d", "--depth", type=numbers, default=[0])
    parser.add_argument("-b", "--batch", type=numbers, default=[1])
    parser.add_argument("--batch-depths", type=numbers, default=[0], help="depths of tests with several sequences (0)")
    parser.add_argument("--same-tokens", action="store_true",
                        help="tael gives all sequences the same tokens, as ik_llama.cpp's program does")
    parser.add_argument("-t", "--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("-r", "--rounds", type=int, default=3)
    parser.add_argument("--json", metavar="FILE", help="write everything that was measured to FILE")
    options = parser.parse_args(arguments)
    names = ["tael", *(name for name, _ in options.peer)]
    if len(set(names)) != len(names) or options.rounds < 1:
        parser.error("names of peers differ from each other and from 'tael'; rounds are 1 at least")
    return options


def main() -> int:
    options = parse()
    report = run(options)
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(to_markdown(report), end="")
    measured = any("median" in result for row in report["rows"] for result in row["results"].values())
    return 0 if measured else 1


if __name__ == "__main__":
    sys.exit(main())
