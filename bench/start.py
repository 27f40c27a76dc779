#!/usr/bin/env python3
"""How long a start takes: from the beginning of the process to the first token, programs in turn.

usage: start.py [--tael PATH] [--peer NAME="PATH ARGS..."]... [-r ROUNDS] [-t THREADS] [--cold] MODEL

Rows: `tael chat` to the first byte of its answer to "Hello"; then a process that loads, evaluates one
token and ends: tael with a kept file of packed weights (after one start that writes it, where that
pays), with a copy, with the rows of the file, and every peer's llama-bench. Warm: the file is read
once before; --cold: the pages of its files leave the cache before every start. Medians, least and most.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def seconds_of(command):
    """The whole life of a process."""
    start = time.perf_counter()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          check=False)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        raise SystemExit(f"{shlex.join(command)}: {done.stderr.decode(errors='replace')[-500:]}")
    return seconds


def seconds_to_first_byte(command, text):
    """Until a program that answers `text` has written something."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as process:
        process.stdin.write(text.encode())
        process.stdin.close()
        first = process.stdout.read(1)
        seconds = time.perf_counter() - start
        process.stdout.read()
    if not first or process.returncode != 0:
        raise SystemExit(f"{shlex.join(command)}: no answer")
    return seconds


def leave_cache(paths):
    for path in paths:
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_once(paths):
    for path in paths:
        with open(path, "rb", buffering=0) as file:
            while file.read(1 << 22):
                pass


def kept_files(tael):
    """Files of packed weights, by their paths."""
    listed = json.loads(subprocess.run([tael, "cache", "--json"], capture_output=True, check=True).stdout)
    return [one["path"] for one in listed["files"]]


def ways(options):
    """(name, what measures one start, what it reads) for every row."""
    one = ["-p", "1", "-n", "0", "-r", "1"]
    bench = [options.tael, "bench", options.model, *one, "--no-probes", "-t", options.threads]
    chat = [options.tael, "chat", options.model, "--max-tokens", "1", "--threads", options.threads]
    rows = [("tael chat", lambda: seconds_to_first_byte(chat, "Hello\n"))] if options.chat else []
    rows += [("tael", lambda: seconds_of(bench)),
             ("tael --no-weight-cache", lambda: seconds_of([*bench, "--no-weight-cache"])),
             ("tael --no-repack", lambda: seconds_of([*bench, "--no-repack"]))]
    for peer in options.peer:
        name, command = peer.split("=", 1)
        program = [*shlex.split(command), "-m", options.model, *one, "-w", "0", "-t", options.threads]
        rows.append((name, lambda program=program: seconds_of(program)))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--tael", default=os.path.join(ROOT, "build/release/tael"))
    parser.add_argument("--peer", action="append", default=[], help='NAME="PATH ARGS": a llama-bench')
    parser.add_argument("-r", type=int, default=5, dest="rounds")
    parser.add_argument("-t", default=str(os.cpu_count()), dest="threads")
    parser.add_argument("--no-chat", action="store_false", dest="chat", help="for models without a tokenizer")
    parser.add_argument("--cold", action="store_true")
    options = parser.parse_args()
    rows = ways(options)
    seconds_of([options.tael, "bench", options.model, "-p", "1", "-n", "0", "-r", "1", "--no-probes"])
    found = {name: [] for name, _ in rows}
    for _ in range(options.rounds):
        for name, measure in rows:
            kept = kept_files(options.tael)
            if options.cold:
                leave_cache([options.model, *kept])
            else:
                read_once(kept if name == "tael" and kept else [options.model])
            found[name].append(measure())
    print(f"{os.path.basename(options.model)}, {'cold' if options.cold else 'warm'}, {options.rounds} rounds\n")
    print("| start | median, s | least | most |\n|---|---|---|---|")
    for name, seconds in found.items():
        print(f"| {name} | {statistics.median(seconds):.3f} | {min(seconds):.3f} | {max(seconds):.3f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
