#!/usr/bin/env python3
"""Prints the size of every folder and fails on files and functions that are too long.

usage: check_size.py [ROOT]. Files: 400 lines are noted, more than 800 fail. Functions: more than 60
lines fail (from the first line of the signature to the closing brace). Data tables are exempt by name.
"""

import ast
import re
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from check_layers import line_of, without_comments

SOFT_FILE_LINES = 400
HARD_FILE_LINES = 800
FUNCTION_LINES = 60

FOLDERS = ("src", "tests", "tools", "bench", "scripts", "cmake")
SUFFIXES = {".h", ".cc", ".py", ".sh", ".cmake"}

# Tables of numbers or characters, mostly generated: long by nature, read by nobody from top to bottom.
DATA_TABLES = {
    "src/quant/iq_grids.cc",
    "src/text/jinja/charset_tables.cc",
    "src/text/unicode_tables.cc",
}

CONTAINER = re.compile(r"\b(?:namespace|class|struct|union|enum|extern)\b[^()=]*$|\bextern\s+\"\"\s*$")


@dataclass
class Function:
    """A function body found in a C++ file."""

    name: str
    line: int
    lines: int


def functions(text: str) -> Iterator[Function]:
    """Functions at namespace or class scope. Lambdas and local classes count as part of theirs."""
    code = re.sub(r"'(?:\\.|[^'\\\n])'", "' '", without_comments(text))
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: "\n" * m.group(0).count("\n"), code, flags=re.M)
    scopes: list[tuple[str, str, int]] = []  # kind, name, position of the head
    head = 0
    for match in re.finditer(r"[{};]", code):
        position, mark = match.start(), match.group(0)
        in_function = any(kind == "function" for kind, _, _ in scopes)
        if mark == "{":
            words = code[head:position].strip()
            if in_function or words.endswith(("=", ",")):
                kind = "block"
            elif CONTAINER.search(words):
                kind = "container"
            else:
                kind = "function" if "(" in words or words == "" else "block"
            start = position - len(code[head:position].lstrip())
            found = re.search(r"([~\w:]+)\s*\(", words)
            scopes.append((kind, found.group(1) if found else "(constructor)", start))
        elif mark == "}" and scopes:
            kind, name, start = scopes.pop()
            if kind == "function" and not any(k == "function" for k, _, _ in scopes):
                first = line_of(code, start)
                yield Function(name, first, line_of(code, position) - first + 1)
        head = position + 1


def python_functions(text: str) -> Iterator[Function]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.end_lineno:
            yield Function(node.name, node.lineno, node.end_lineno - node.lineno + 1)


def source_files(root: Path) -> list[Path]:
    found = [path for folder in FOLDERS for path in (root / folder).rglob("*")
             if path.suffix in SUFFIXES and path.is_file() and "node_modules" not in path.parts]
    return sorted(found + list(root.glob("*.sh")) + [root / "CMakeLists.txt"])


def group_of(root: Path, path: Path) -> str:
    parts = path.relative_to(root).parts
    return "/".join(parts[:2]) if parts[0] in ("src", "tests") and len(parts) > 2 else parts[0]


def check_tree(root: Path) -> tuple[list[str], list[str], dict[str, list[int]], dict[str, int]]:
    """Problems, remarks, line counts by folder, longest function by folder."""
    problems: list[str] = []
    remarks: list[str] = []
    sizes: dict[str, list[int]] = {}
    longest: dict[str, int] = {}
    for path in source_files(root):
        name = path.relative_to(root).as_posix()
        text = path.read_text(errors="replace")
        lines = text.count("\n")
        group = group_of(root, path) if path.parent != root else "(root)"
        sizes.setdefault(group, []).append(lines)
        if name in DATA_TABLES:
            continue
        if lines > HARD_FILE_LINES:
            problems.append(f"{name}: {lines} lines, {HARD_FILE_LINES} are allowed")
        elif lines > SOFT_FILE_LINES:
            remarks.append(f"{name}: {lines} lines, more than the usual {SOFT_FILE_LINES}")
        found = functions(text) if path.suffix in (".h", ".cc") else (
            python_functions(text) if path.suffix == ".py" else ())
        for function in found:
            longest[group] = max(longest.get(group, 0), function.lines)
            if function.lines > FUNCTION_LINES:
                problems.append(f"{name}:{function.line}: {function.name} has {function.lines} lines, "
                                f"{FUNCTION_LINES} are allowed")
    return problems, remarks, sizes, longest


def print_table(sizes: dict[str, list[int]], longest: dict[str, int]) -> None:
    print(f"{'folder':<20}{'files':>6}{'lines':>8}{'median':>8}{'p90':>6}{'max':>6}{'longest function':>18}")
    everything = [count for counts in sizes.values() for count in counts]
    for group, counts in [*sorted(sizes.items()), ("total", everything)]:
        ordered = sorted(counts)
        p90 = ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))]
        most = longest.get(group, 0) if group != "total" else max(longest.values(), default=0)
        print(f"{group:<20}{len(counts):>6}{sum(counts):>8}{statistics.median_low(counts):>8}{p90:>6}"
              f"{ordered[-1]:>6}{most:>18}")


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
    problems, remarks, sizes, longest = check_tree(root)
    print_table(sizes, longest)
    for line in remarks + problems:
        print(line)
    print(f"sizes: {len(problems)} problem{'' if len(problems) == 1 else 's'}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
