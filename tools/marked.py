"""Replaces the generated parts of a page: what lies between <!-- begin NAME --> and <!-- end NAME -->."""

import re
from pathlib import Path


def marks(name: str) -> tuple[str, str]:
    return f"<!-- begin {name} -->", f"<!-- end {name} -->"


def replace(page: str, name: str, text: str) -> str:
    """The page with `text` as its part `name`. Throws ValueError unless both marks stand there once."""
    begin, end = marks(name)
    if page.count(begin) != 1 or page.count(end) != 1 or page.index(begin) > page.index(end):
        raise ValueError(f"the page has no single part {begin} ... {end}")
    head, rest = page.split(begin)
    return head + begin + "\n" + text.strip("\n") + "\n" + end + rest.split(end)[1]


def part(page: str, name: str) -> str:
    """What stands between the marks of `name`."""
    begin, end = (re.escape(mark) for mark in marks(name))
    found = re.search(f"{begin}\n(.*?){end}", page, re.DOTALL)
    if found is None:
        raise ValueError(f"the page has no part {name}")
    return found.group(1)


def write(path: Path, parts: dict[str, str]) -> None:
    page = path.read_text(encoding="utf-8")
    for name, text in parts.items():
        page = replace(page, name, text)
    path.write_text(page, encoding="utf-8")
