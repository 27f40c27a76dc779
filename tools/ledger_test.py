#!/usr/bin/env python3
"""tools/ledger.py with a program that prints what `tael` prints, and the marks of generated pages."""

import contextlib
import io
import stat
import tempfile
import unittest
from pathlib import Path

import ledger
import marked

# The errors of the second kernel table differ when the folder says so; `integer` is the error of the default.
TAEL = '''#!/usr/bin/env python3
import json, os, sys
here = os.path.dirname(sys.argv[0])
integer, differing = float(open(here + "/integer").read()), os.path.exists(here + "/differing")
if sys.argv[1] == "doctor":
    print(json.dumps({"kernels": ["scalar", "avx2"]}))
elif sys.argv[1] == "convert":
    os.mkdir(sys.argv[3])
elif sys.argv[1] == "verify" and "real" in sys.argv[2]:
    status = "fail" if os.path.exists(here + "/worse") else "pass"
    print(json.dumps({"results": [{"name": "logits (integer)", "error": 9e-4, "tolerance": 1e-3, "status": status}]}))
elif sys.argv[1] == "verify":
    more = 1e-9 if differing and os.environ["TAEL_FORCE_ISA"] == "avx2" else 0
    print(json.dumps({"results": [
        {"name": "gguf/pure_Q4_K.gguf", "error": 1e-12}, {"name": "gguf/pure_Q4_K.gguf (integer)", "error": integer + more},
        {"name": "gguf/tokenizer.json", "error": None}]}))
else:
    a = sys.argv
    exact = a[a.index("--matmul") + 1] == "float"
    value = {"value": 1e-6 if exact else 2e-3, "error": 1e-7, "p99": 1e-2}
    print(json.dumps({"scored": 100, "kl": value, "top1_agreement": {"value": 0.98}, "perplexity_ratio": {"value": 1.0}}))
'''


class LedgerTest(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        program = self.folder / "tael"
        program.write_text(TAEL)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        (self.folder / "integer").write_text("4e-4")
        (self.folder / "model.gguf").touch()
        for folder in ("goldens/quant/gguf", "goldens/real/smollm2-135m"):
            (self.folder / folder).mkdir(parents=True)

    def measure(self, *arguments: str) -> dict:
        options = ledger.parse(["--tael", str(self.folder / "tael"), "--model", str(self.folder / "model.gguf"),
                                "--shared", str(self.folder), *arguments])
        with contextlib.redirect_stderr(io.StringIO()):
            return ledger.measure(options)

    def test_every_mode_and_cache_is_there_and_the_rules_are_kept(self) -> None:
        found = self.measure()
        self.assertEqual(ledger.broken_rules(found), [])
        ways = [(way["matmul"], way["kv"]) for way in found["model"]["ways"]]
        self.assertEqual(len(ways), 7)
        self.assertNotIn(("float", "f32"), ways)  # that is the base
        self.assertEqual([way["kv"] for way in found["model"]["bf16"]], ["f32", "f16"])
        text = ledger.to_markdown(found)
        for words in ("scalar, avx2; every figure is the same", "| Q4_K | 1.0e-12 | 4.0e-04 | 6.3e-04 |",
                      "| integer | f16 (default) | 2.00e-03", "| logits (integer) | 9.0e-04 | 1.0e-03 | pass |", "Rules: kept."):
            self.assertIn(words, text)

    def test_a_default_that_is_less_exact_than_the_peer_breaks_a_rule(self) -> None:
        (self.folder / "integer").write_text("7e-4")
        self.assertIn("Q4_K: the default's error 7.0e-04", ledger.broken_rules(self.measure())[0])

    def test_tables_that_differ_break_a_rule(self) -> None:
        (self.folder / "differing").touch()
        self.assertEqual(ledger.broken_rules(self.measure()), ["kernel table differs: avx2 Q4_K integer"])

    def test_a_real_model_that_is_worse_than_the_peer_breaks_a_rule(self) -> None:
        (self.folder / "worse").touch()
        self.assertEqual(len(ledger.broken_rules(self.measure())), 1)

    def test_a_missing_model_is_left_out_and_said(self) -> None:
        (self.folder / "model.gguf").unlink()
        found = self.measure()
        self.assertIsNone(found["model"])
        self.assertEqual(ledger.broken_rules(found), [])
        self.assertIn("Q4_K", ledger.to_markdown(found))


class MarkedTest(unittest.TestCase):
    PAGE = "before\n<!-- begin a -->\nold\n<!-- end a -->\nafter\n<!-- begin b -->\n<!-- end b -->\n"

    def test_only_the_named_part_is_replaced(self) -> None:
        page = marked.replace(self.PAGE, "a", "new\n")
        self.assertEqual(page, self.PAGE.replace("old", "new"))
        self.assertEqual(marked.part(page, "a"), "new\n")
        self.assertEqual(marked.replace(page, "a", "new"), page)

    def test_pages_without_the_marks_are_refused(self) -> None:
        for page in ("", self.PAGE * 2, "<!-- end a --> <!-- begin a -->"):
            with self.assertRaises(ValueError):
                marked.replace(page, "a", "x")


if __name__ == "__main__":
    unittest.main()
