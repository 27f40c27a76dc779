#!/usr/bin/env python3
"""How long `tael quantize` takes beside llama-quantize, whole processes in turn.

usage: quantize.py [--tael PATH] [--peer NAME="PATH ARGS..."]... [--types Q4_K_M,Q8_0] [-r ROUNDS] [-t THREADS] MODEL

MODEL is a GGUF file; files of both go to --folder and are removed. Prints, per type and program, medians of
wall and processor seconds and the most resident memory, and how often faster than the best peer tael is.
"""

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@dataclass(frozen=True)
class Cost:
    """Of one process."""

    wall: float  # seconds
    cpu: float  # seconds of all threads, the kernel's included
    resident: int  # bytes at most


def cost_of(command):
    start = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
        if process.returncode != 0:
            errors.seek(0)
            raise SystemExit(f"{shlex.join(command)}: {errors.read().decode(errors='replace')[-500:]}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def median(costs):
    return Cost(statistics.median(cost.wall for cost in costs), statistics.median(cost.cpu for cost in costs),
                max(cost.resident for cost in costs))


def programs(options, target):
    """(name, command of a type) of every row; the first is tael's."""
    own = lambda kind: [options.tael, "quantize", options.model, target, "--type", kind, "--force",
                        "--threads", options.threads]
    rows = [("tael", own)]
    for peer in options.peer:
        name, command = peer.split("=", 1)
        rows.append((name, lambda kind, command=command: [*shlex.split(command), options.model, target, kind,
                                                          options.threads]))
    return rows


def table(kind, costs):
    """Lines of the table for one type: {name: Cost}, tael's first."""
    best = min((cost.wall for name, cost in costs.items() if name != "tael"), default=None)
    for name, cost in costs.items():
        ratio = f"{best / cost.wall:.2f}" if name == "tael" and best is not None else ""
        yield (f"| {kind} | {name} | {cost.wall:.2f} | {cost.cpu:.2f} | {cost.resident / 2**20:.0f} | {ratio} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--tael", default=os.path.join(ROOT, "build/release/tael"))
    parser.add_argument("--peer", action="append", default=[], help='NAME="PATH ARGS": a llama-quantize')
    parser.add_argument("--types", default="Q8_0,Q4_K_M")
    parser.add_argument("--folder", help="where files are written (default: a temporary one)")
    parser.add_argument("-r", type=int, default=3, dest="rounds")
    parser.add_argument("-t", default=str(os.cpu_count()), dest="threads")
    options = parser.parse_args()
    print("| type | program | wall, s | processor, s | resident, MiB | tael / best peer |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        target = os.path.join(folder, "quantized.gguf")
        for kind in options.types.split(","):
            found = {name: [] for name, _ in programs(options, target)}
            for _ in range(options.rounds):
                for name, command in programs(options, target):
                    found[name].append(cost_of(command(kind)))
                    os.remove(target)
            for line in table(kind, {name: median(costs) for name, costs in found.items()}):
                print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
