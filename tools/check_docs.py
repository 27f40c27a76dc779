#!/usr/bin/env python3
"""Checks that every relative link of the Markdown files leads to a file. usage: check_docs.py [ROOT]"""

import re
import sys
from pathlib import Path

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def dead_links(root: Path) -> list[str]:
    pages = [*root.glob("*.md"), *(root / "docs").rglob("*.md")]
    return [f"{page.relative_to(root)}: dead link {link}"
            for page in sorted(pages) for link in LINK.findall(page.read_text())
            if "://" not in link and not (page.parent / link).exists()]


def main() -> int:
    problems = dead_links(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve())
    print("\n".join(problems) or "docs: every link leads to a file")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
