#!/usr/bin/env python3
"""bench/report.py with a program that prints what `tael` prints."""

import contextlib
import io
import stat
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import report

PAGE = "text\n" + "".join(f"<!-- begin {name} -->\nold {name}\n<!-- end {name} -->\n"
                          for name in ("peers", "limits", "profile", "scaling", "products"))
TAEL = '''#!/usr/bin/env python3
import json, sys
kind = {"kind": "ffn", "seconds": 0.5, "share": 0.625, "calls": 3, "bytes": 2e9, "integer_operations": 1e11,
        "float_operations": None, "share_of_limit": 0.4, "limit": "bandwidth"}
speed = {"median": 100.0, "spread": 0.02}
limits = {"gigabytes_per_second": 40.0, "integer_gigaops_per_second": 500.0}
entry = {"name": "tg32", "threads": 2, "tokens_per_second": speed, "gigabytes_per_second": 16.0, "share_of_bandwidth": 0.4,
         "integer_gigaops_per_second": 50.0, "share_of_integer_peak": 0.1, "limits": limits, "valid": True,
         "profile": {"cost_share": 0.001, "kinds": [kind]}}
scaling = {"against_threads": 1, "speed": 1.9, "read_probe": None, "integer_probe": 2.0, "float_probe": 1.99, "share_of_probe": 0.95}
plan = {"rows": 1, "source": "strips", "activation_block": 256, "together": 0, "parts": 2}
if sys.argv[1] == "plan":
    print(json.dumps({"matmuls": [{"name": "blk.*.q", "count": 28, "type": "Q4_K", "outputs": 64, "inputs": 32,
        "plans": [plan, {**plan, "rows": 256, "parts": 1}]}]}))
else:
    threads = sys.argv[sys.argv.index("-t") + 1]
    if threads == "1,2":
        entry["scaling"] = scaling
    print(json.dumps({"version": "9", "kernels": "fake", "matmul": "integer", "kv": "f16", "entries": [entry]}))
'''


class ReportTest(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.page = self.folder / "page.md"
        self.page.write_text(PAGE)
        program = self.folder / "tael"
        program.write_text(TAEL)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def run_report(self, *arguments: str) -> str:
        call = ["report.py", "--page", str(self.page), "--tael", str(self.folder / "tael"), "x/model.gguf", "-p", "0", "-r", "1", "-t", "2", *arguments]
        with mock.patch.object(sys, "argv", call), contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(report.main(), 0)
        return self.page.read_text()

    def test_all_parts_are_written_between_their_marks(self) -> None:
        page = self.run_report()
        self.assertNotIn("old", page)
        for words in ("text\n<!-- begin peers -->", "| model.gguf | tg32 | 100.0 ±0 %", "Instruction sets:",
                      "| model.gguf | tg32 | 100.0 | 2 % | 16.0 | 40 % of 40 GB/s | 50 | 10 % of 500 GOP/s |",
                      "**model.gguf, tg32** (reading clocks: 0.10 % of the time)",
                      "| ffn | 500.00 | 62.5 % | 3 | 4.0 | 200.0 | - | 40 % of bandwidth |",
                      "| model.gguf | tg32 | 2 / 1 | 100.0 | 1.90 | - | 2.00 | 1.99 | 95 % |",
                      "1 rows: int8 x 256, strips, 2 parts; 256 rows: int8 x 256, strips, 1 part |"):
            self.assertIn(words, page)

    def test_only_the_named_parts_change(self) -> None:
        page = self.run_report("--only", "products")
        self.assertIn("old peers", page)
        self.assertIn("old profile", page)
        self.assertNotIn("old products", page)

    def test_unknown_parts_are_refused(self) -> None:
        with self.assertRaises(SystemExit), contextlib.redirect_stderr(io.StringIO()):
            self.run_report("--only", "peer")


if __name__ == "__main__":
    unittest.main()
