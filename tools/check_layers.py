#!/usr/bin/env python3
"""Checks that the sources keep the rules of the house (docs/architecture.md).

usage: check_layers.py [ROOT]; prints one line per violation, exit code 1 when there is one.

The table of folders is tools/layers.toml. Rules about C++ code look at the text without comments and
string literals; rules about words (model families, machine paths, registry hosts) look at all of it.
"""

import os
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SKIPPED_FOLDERS = {".git", "build", "node_modules", "__pycache__", ".cache"}
TEXT_SUFFIXES = {".h", ".cc", ".py", ".sh", ".md", ".toml", ".json", ".cmake", ".txt", ".yaml", ".yml", ""}

# Folders from which a number may reach logits, rope tables, a router or the sampler: their results must
# have the same bits everywhere, so only base/exact_math.h, never libm.
EXACT_FOLDERS = {"base", "checkpoint", "engine", "kernels", "kv", "model", "nn", "ops", "quant", "runtime", "spec",
                 "tensor"}
LIBM = re.compile(
    r"(?<![\w.>])(?:std::|::)?(?:exp|exp2|expm1|log|log2|log10|log1p|sin|cos|tan|sinh|cosh|tanh|asin|acos"
    r"|atan|atan2|pow|cbrt|hypot|erf|erfc|lgamma|tgamma)f?\s*\(")

FAMILY_FREE_FOLDERS = {"nn", "ops", "kernels"}
FAMILY_SUBSTRINGS = re.compile(
    r"llama|qwen|mistral|mixtral|deepseek|ernie|hunyuan|pangu|gemma|gpt[-_ ]?oss|minimax[-_ ]?m\d|kimi|olmo|smollm", re.I)
FAMILY_WORDS = {"yi", "glm", "chatglm", "phi", "gpt", "smol"}
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

# What asks CPU and operating system which kernels can run.
DETECTION = {"kernels/dispatch.cc", "kernels/amx_support.cc"}
KERNEL_HEADERS = {"cstddef", "cstdint", "cmath", "cstring", "bit", "limits", "type_traits", "utility"}
VECTOR_HEADERS = {"immintrin.h", "arm_neon.h"}
THREAD_HEADERS = {"thread", "mutex", "atomic", "condition_variable", "future"}

ONLY_APP = re.compile(
    r"\bstd::cout\b|\bstdout\b|(?<![\w.>])(?:std::)?(?:printf|puts|putchar|getenv|secure_getenv|setenv|exit"
    r"|_exit|quick_exit)\s*\(|\bfmt::print\s*\(\s*\"")

# Written with character classes, so that this file does not contain what it looks for.
PLACES = re.compile(
    r"(?<![\w.}*])/(?:wor[k]|far[m]|roo[t])/|/tmp/bash_job[s]|(?<![\w.}*])/home/[a-z]"
    r"|pypi[.]org|pythonhosted[.]org|npmjs[.](?:org|com)|deb[.]debian[.]org|crates[.]io|proxy[.]golang[.]org"
    r"|maven[.]org|nodesource[.]com|registry[.]\w+[.](?:org|com|io)")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
STRIP = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"', re.S)


@dataclass
class Layer:
    """One row of layers.toml."""

    level: int
    uses: list[str]


def read_layers(root: Path) -> dict[str, Layer]:
    table = tomllib.loads((root / "tools/layers.toml").read_text())
    return {name: Layer(row["level"], row["uses"]) for name, row in table["folders"].items()}


def check_table(layers: dict[str, Layer]) -> Iterator[str]:
    for name, layer in layers.items():
        for use in layer.uses:
            if use not in layers:
                yield f"tools/layers.toml: '{name}' uses '{use}', which has no row"
            elif layers[use].level >= layer.level:
                yield f"tools/layers.toml: '{name}' (level {layer.level}) uses '{use}' (level {layers[use].level})"


def without_comments(text: str) -> str:
    """The code with comments blanked and literals emptied; line numbers stay."""
    def blank(match: re.Match[str]) -> str:
        literal = '""' if match.group(0).startswith(('"', "R")) else " "
        return literal + "\n" * match.group(0).count("\n")
    return STRIP.sub(blank, text)


def line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


class SourceFile:
    """One file of src/ and what the rules need to know about it."""

    def __init__(self, root: Path, path: Path):
        self.name = path.relative_to(root).as_posix()
        self.inside = path.relative_to(root / "src").as_posix()
        self.folder = self.inside.split("/")[0]
        self.text = path.read_text(errors="replace")
        self.code = without_comments(self.text)
        self.is_header = path.suffix == ".h"
        self.is_test = path.stem.endswith(("_test", "_bench", "_test_support"))
        self.includes = [(m.group(1) == "<", m.group(2), line_of(self.text, m.start()))
                         for m in INCLUDE.finditer(self.text)]


def check_project_includes(file: SourceFile, layers: dict[str, Layer]) -> Iterator[str]:
    if file.folder not in layers:
        yield f"{file.name}: folder '{file.folder}' has no row in tools/layers.toml"
        return
    allowed = {file.folder, *layers[file.folder].uses}
    for is_system, target, line in file.includes:
        if is_system or (file.is_test and target.startswith("tests/support/")):
            continue
        if target.split("/")[0] not in allowed:
            yield (f"{file.name}:{line}: '{file.folder}' may not include '{target}'; its row lists "
                   f"{sorted(allowed - {file.folder})}")


def check_system_includes(file: SourceFile) -> Iterator[str]:
    # A table file reads the vector header before it opens its target region.
    in_isa = file.inside.startswith(("kernels/isa/", "kernels/table_"))
    for is_system, target, line in file.includes:
        where = f"{file.name}:{line}"
        if target.startswith("nlohmann/") and file.is_header:
            yield f"{where}: <{target}> only in .cc files; headers use base/json.h"
        if target in VECTOR_HEADERS and not in_isa:
            yield f"{where}: <{target}> only in kernels/isa and kernels/table_*.cc"
        if target.split("/")[0] in ("asio", "asio.hpp", "boost", "openssl") and file.folder != "net":
            yield f"{where}: <{target}> only in net"
        if target.startswith("curl/") and file.folder != "hub":
            yield f"{where}: <{target}> only in hub"
        kernel_header = target in KERNEL_HEADERS or (in_isa and target in VECTOR_HEADERS)
        if file.folder == "kernels" and is_system and not (
                file.is_test or kernel_header or file.inside in DETECTION):
            yield f"{where}: kernels include only {sorted(KERNEL_HEADERS)}, found <{target}>"
        if file.inside.startswith("model/families/") and (
                target in THREAD_HEADERS or target.split("/")[0] in ("ops", "runtime", "kernels")):
            yield f"{where}: families are data; found '{target}'"


def check_words(file: SourceFile) -> Iterator[str]:
    if file.folder in FAMILY_FREE_FOLDERS:
        for number, line in enumerate(file.text.splitlines(), 1):
            found = FAMILY_SUBSTRINGS.search(line)
            word = found.group(0) if found else next(
                (w for w in WORD.findall(line) if w.lower() in FAMILY_WORDS), None)
            if word:
                yield f"{file.name}:{number}: '{word}' names a model family; '{file.folder}' knows mechanisms only"


def check_calls(file: SourceFile) -> Iterator[str]:
    if file.is_test:
        return
    if file.folder in EXACT_FOLDERS:
        for match in LIBM.finditer(file.code):
            yield (f"{file.name}:{line_of(file.code, match.start())}: '{match.group(0)}' is libm's; "
                   "results must not depend on it. Hint: base/exact_math.h or the kernels' own")
    if file.folder != "app" and file.inside != "kernels/dispatch.cc":
        for match in ONLY_APP.finditer(file.code):
            yield f"{file.name}:{line_of(file.code, match.start())}: '{match.group(0)}' only in app"


def text_files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        for name in sorted(names):
            path = Path(folder, name)
            if path.suffix in TEXT_SUFFIXES and not path.is_symlink():
                yield path


def check_places(root: Path) -> Iterator[str]:
    for path in text_files(root):
        text = path.read_bytes()[:1 << 20].decode(errors="replace")
        for match in PLACES.finditer(text):
            yield (f"{path.relative_to(root).as_posix()}:{line_of(text, match.start())}: '{match.group(0)}' "
                   "ties the tree to one machine or registry host")


def check_tree(root: Path) -> list[str]:
    layers = read_layers(root)
    problems = list(check_table(layers))
    for path in sorted((root / "src").rglob("*")):
        if path.suffix in (".h", ".cc"):
            file = SourceFile(root, path)
            problems += check_project_includes(file, layers)
            problems += check_system_includes(file)
            problems += check_words(file)
            problems += check_calls(file)
    return problems + list(check_places(root))


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
    problems = check_tree(root)
    for problem in problems:
        print(problem)
    print(f"layers: {len(problems)} problem{'' if len(problems) == 1 else 's'}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
