#!/usr/bin/env python3
"""Measures everything that docs/benchmarks.md shows of the machine at hand, and writes it there.

usage: bench/report.py [--tael PATH] [--peer NAME=PATH [ARGS]]... MODEL... [options]

Parts, each between its marks in the page: `peers` (bench/compare.py), `limits` (tael bench beside the machine's limits),
`profile` (where the time goes), `scaling` (all threads against one), `products` (tael plan --products). --only names some of them; --ledger writes docs/accuracy.md, too.
The text around them is written by hand. --json FILE keeps every sample of `peers`. Close other programs first: figures of a disturbed machine are marked so.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import compare
import machine

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import ledger  # noqa: E402
import marked  # noqa: E402

PAGE = ROOT / "docs/benchmarks.md"
GIGA = 1e9


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)] + ["| " + " | ".join(row) + " |" for row in rows]


def run_json(command: list[str]) -> dict:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return json.loads(done.stdout)


def percent(share: float | None) -> str:
    return f"{100 * share:.0f} %" if share else "-"


def of_limit(share: float | None, limit: float | None, unit: str) -> str:
    return f"{percent(share)} of {limit:.0f} {unit}" if share and limit else "-"


def limit_row(model: str, entry: dict) -> list[str]:
    speed, limits = entry["tokens_per_second"], entry["limits"]
    name = entry["name"] + ("" if entry["valid"] else " (disturbed)")
    return [model, name, f"{speed['median']:.1f}", percent(speed["spread"]) or "-", f"{entry['gigabytes_per_second']:.1f}",
            of_limit(entry.get("share_of_bandwidth"), limits["gigabytes_per_second"], "GB/s"),
            f"{entry['integer_gigaops_per_second']:.0f}",
            of_limit(entry["share_of_integer_peak"], limits["integer_gigaops_per_second"], "GOP/s")]


def limits_part(reports: dict[str, dict], facts: dict) -> str:
    first = next(iter(reports.values()))
    threads = first["entries"][0]["threads"]
    head = (f"{facts['cpu']} ({facts['cpu_numbers']}), kernels {first['kernels']}, {first['matmul']} matmul, {first['kv']} cache, "
            f"{threads} threads, {facts['date']}. Instruction sets: {' '.join(facts['instruction_sets'])}.")
    rows = [limit_row(model, entry) for model, report in reports.items() for entry in report["entries"]]
    return "\n".join([head, "", *table(["model", "test", "t/s", "spread", "GB/s", "share of bandwidth", "int GOP/s",
                                        "share of integer peak"], rows)])


def profile_rows(entry: dict) -> list[list[str]]:
    rows = []
    for row in entry["profile"]["kinds"]:
        seconds = row["seconds"]
        rate = [f"{row[key] / seconds / GIGA:.1f}" if row[key] else "-" for key in ("bytes", "integer_operations", "float_operations")]
        limit = f"{percent(row['share_of_limit'])} of {row['limit']}" if row["share_of_limit"] else "-"
        rows.append([row["kind"], f"{1e3 * seconds:.2f}", f"{100 * row['share']:.1f} %", f"{row['calls']:.0f}", *rate, limit])
    return rows


def profile_part(reports: dict[str, dict]) -> str:
    lines = []
    for model, report in reports.items():
        for entry in report["entries"]:
            if "profile" not in entry:
                continue
            lines += [f"**{model}, {entry['name']}** (reading clocks: {100 * entry['profile']['cost_share']:.2f} % of the time):", "",
                      *table(["kind", "ms", "share", "calls", "GB/s", "int GOP/s", "GFLOP/s", "of limit"], profile_rows(entry)), ""]
    return "\n".join(lines)


def scaling_row(model: str, entry: dict) -> list[str]:
    scaling = entry["scaling"]
    probes = [f"{scaling[key]:.2f}" if scaling[key] else "-" for key in ("read_probe", "integer_probe", "float_probe")]
    name = entry["name"] + ("" if entry["valid"] else " (disturbed)")
    return [model, name, f"{entry['threads']} / {scaling['against_threads']}", f"{entry['tokens_per_second']['median']:.1f}",
            f"{scaling['speed']:.2f}" if scaling["speed"] else "-", *probes, percent(scaling["share_of_probe"])]


def scaling_part(reports: dict[str, dict], facts: dict) -> str:
    head = f"{facts['cpu']} ({facts['cpu_numbers']}), kernels {next(iter(reports.values()))['kernels']}, {facts['date']}."
    rows = [scaling_row(model, entry) for model, report in reports.items() for entry in report["entries"] if "scaling" in entry]
    return "\n".join([head, "", *table(["model", "test", "threads", "t/s", "speed", "read probe", "integer probe", "float probe",
                                        "of the nearest probe"], rows)])


def plan_text(plan: dict) -> str:
    form = f"int8 x {plan['activation_block']}" if plan["activation_block"] else "float32"
    together = f" by {plan['together']}" if plan["together"] else ""
    return f"{form}, {plan['source']}{together}, {plan['parts']} part{'s' if plan['parts'] > 1 else ''}"


def products_part(plans: dict[str, list[dict]]) -> str:
    rows = []
    for model, matrices in plans.items():
        for matrix in matrices:
            texts = [plan_text(plan) for plan in matrix["plans"]]
            cell = texts[0] if len(set(texts)) == 1 else "; ".join(
                f"{plan['rows']} rows: {text}" for plan, text in zip(matrix["plans"], texts, strict=True))
            rows.append([model, f"`{matrix['name']}`", str(matrix["count"]), matrix["type"],
                         f"{matrix['outputs']} x {matrix['inputs']}", cell])
    return "\n".join(table(["model", "matrix", "count", "type", "outputs x inputs", "plan"], rows))


def bench_reports(options: argparse.Namespace, threads: list[int], *more: str) -> dict[str, dict]:
    def numbers(values: list[int]) -> str:
        return ",".join(map(str, values))
    return {Path(model).name: run_json([*options.tael, "bench", model, "-p", numbers(options.prompt), "-n", numbers(options.gen),
                                        "-b", numbers(options.batch), "-t", numbers(threads), "-r", str(options.rounds),
                                        *more, "--json"])
            for model in options.models}


def measure(options: argparse.Namespace, only: list[str]) -> dict[str, str]:
    parts: dict[str, str] = {}
    if "peers" in only:
        found = compare.run(options)
        parts["peers"] = compare.to_markdown(found)
        if options.json:
            Path(options.json).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if "limits" in only or "profile" in only:
        reports = bench_reports(options, [options.threads], "--profile")
        parts["limits"] = limits_part(reports, machine.facts())
        parts["profile"] = profile_part(reports)
    if "scaling" in only:
        parts["scaling"] = scaling_part(bench_reports(options, sorted({1, options.threads})), machine.facts())
    if "products" in only:
        parts["products"] = products_part({Path(model).name: run_json([
            *options.tael, "plan", model, "--products", "--json", "--threads", str(options.threads)])["matmuls"]
            for model in options.models})
    return {name: text for name, text in parts.items() if name in only}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, add_help=False)
    parser.add_argument("--only", default="peers,limits,profile,scaling,products")
    parser.add_argument("--ledger", action="store_true")
    parser.add_argument("--page", type=Path, default=PAGE)
    own, rest = parser.parse_known_args()
    if {"-h", "--help"} & set(rest):
        print(__doc__)
    options = compare.parse(rest)  # all other options are those of compare.py
    only = own.only.split(",")
    unknown = set(only) - {"peers", "limits", "profile", "scaling", "products"}
    if unknown:
        parser.error(f"--only {sorted(unknown)[0]}: there is no such part")
    marked.write(own.page, measure(options, only))
    if own.ledger:
        found = ledger.measure(ledger.parse(["--tael", options.tael[0]]))
        marked.write(ROOT / "docs/accuracy.md", {"ledger": ledger.to_markdown(found)})
        return 1 if ledger.broken_rules(found) else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
