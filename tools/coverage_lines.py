#!/usr/bin/env python3
"""Prints the line coverage of the source files that match a pattern.

usage: llvm-cov export ... -summary-only | coverage_lines.py NAME PATTERN
"""

import json
import re
import sys


def main() -> int:
    name, pattern = sys.argv[1], re.compile(sys.argv[2])
    total = covered = 0
    for file in json.load(sys.stdin)["data"][0]["files"]:
        lines = file["summary"]["lines"]
        if pattern.search(file["filename"]) and lines["count"] > 0:
            total += lines["count"]
            covered += lines["covered"]
            short = file["filename"][file["filename"].rindex("src/"):]
            print(f"  {short:<48}{lines['covered']:>6} of {lines['count']:>6} lines")
    share = 100.0 * covered / total if total else 0.0
    print(f"{name}: {covered} of {total} lines covered ({share:.1f} %)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
