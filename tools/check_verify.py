#!/usr/bin/env python3
"""Holds the rows of `tael verify --json` against the list of expected exceptions; prints TAP.

usage: check_verify.py RESULTS.json EXPECTATIONS.toml LABEL
"""

import json
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path


def expected_status(path: str, patterns: list[str]) -> str:
    return "unsupported" if any(fnmatch(path, "*/" + pattern) for pattern in patterns) else "pass"


def check_rows(rows: list[dict[str, object]], patterns: list[str], label: str) -> list[str]:
    """One TAP line per golden."""
    lines = []
    for row in rows:
        path = "./" + str(row["path"])
        expected = expected_status(path, patterns)
        text = f"{label} {row['kind']} {row['path']}: {row['status']}, error {row['error']}, tolerance {row['tolerance']}"
        text += f" ({row['detail']})" if row.get("detail") else ""
        good = row["status"] == expected
        lines.append(f"ok - {text}" if good else f"not ok - {text}; expected {expected}")
    if not rows:
        lines.append(f"not ok - {label}: no golden was found")
    return lines


def main() -> int:
    results, expectations, label = sys.argv[1:4]
    text = Path(results).read_text()
    if not text.strip():
        print(f"not ok - {label}: tael verify printed nothing")
        return 1
    table = tomllib.loads(Path(expectations).read_text())
    patterns = [path for entry in table["unsupported"] for path in entry["paths"]]
    lines = check_rows(json.loads(text)["results"], patterns, label)
    print("\n".join(lines))
    return 1 if any(line.startswith("not ok") for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
