#!/usr/bin/env python3
"""bench/compare.py against programs that print what the real ones print, with speeds fixed by the test."""

import contextlib
import io
import json
import os
import stat
import tempfile
import unittest
from pathlib import Path

import compare
import machine
from tools import Test, ToolError, json_in

# Each writes its arguments to a log beside it, then prints a figure in the form of its model.
TAEL = '''import json, sys
a = sys.argv[1:]
print(json.dumps({"version": "9.9", "kernels": "fake", "matmul": "integer", "kv": "f16", "entries": [
    {"tokens_per_second": {"median": 200.0 if a[a.index("-p") + 1] != "0" else 50.0}}]}))
'''
LLAMA_BENCH = '''import json, sys
a = sys.argv[1:]
if "--help" in a:
    print("  -p, --n-prompt <n>\\n" + ("  -d, --n-depth <n>\\n" if WITH_DEPTH else "  -gp <pp,tg>\\n"))
    sys.exit(0)
if "broken" in a[a.index("-m") + 1]:
    print("error: unknown model architecture", file=sys.stderr)
    sys.exit(1)
print("a remark before it", file=sys.stderr)
print(json.dumps([{"build_commit": "abc", "build_number": 7, "avg_ts": 100.0}]))
'''
BATCHED = '''import sys
a = sys.argv[1:]
row = [a[a.index(option) + 1] for option in ("-npp", "-ntg", "-npl")]
print("|    PP |     TG |    B |   N_KV |   T_PP s | S_PP t/s |   T_TG s | S_TG t/s |      T s |    S t/s |")
print("|" + " | ".join([*row, "33", "0.1", "10.00", "0.2", "160.00", "0.3", "110.00"]) + "|")
'''
SWEEP = '''import sys
a = sys.argv[1:]
size = int(a[a.index("-ub") + 1])
for depth in range(0, int(a[a.index("-c") + 1]), size):
    print(f"| {size} | 1 | {depth} | 1.0 | {1000.0 - depth:.2f} | 0.1 | 10.0 |")
'''


class Fakes(unittest.TestCase):
    """A folder with the programs; `calls(name)` is what one of them was called with."""

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.write("tael", TAEL)
        for folder, with_depth in (("new", True), ("old", False)):
            self.write(f"{folder}/llama-bench", f"WITH_DEPTH = {with_depth}\n" + LLAMA_BENCH)
            self.write(f"{folder}/llama-batched-bench", BATCHED)
        self.write("old/llama-sweep-bench", SWEEP)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        log = f"import sys; open({str(path) + '.log'!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')\n"
        path.write_text(f"#!/usr/bin/env python3\n{log}{text}")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def calls(self, name: str) -> list[str]:
        log = self.folder / (name + ".log")
        return log.read_text().splitlines() if log.exists() else []

    def report(self, *arguments: str) -> dict:
        options = compare.parse(["--tael", str(self.folder / "tael"), "--peer", f"new={self.folder}/new/llama-bench",
                                 "--peer", f"old={self.folder}/old/llama-bench -rtr 1", *arguments])
        with contextlib.redirect_stderr(io.StringIO()):
            return compare.run(options)


class CompareTest(Fakes):
    def test_every_program_runs_in_every_round_in_turn(self) -> None:
        report = self.report("model.gguf", "-p", "128", "-n", "0", "-r", "3")
        row = report["rows"][0]
        self.assertEqual([len(result["samples"]) for result in row["results"].values()], [3, 3, 3])
        self.assertEqual(row["results"]["tael"]["median"], 200.0)
        self.assertEqual((row["best_peer"], row["ratio"]), ("new", 2.0))
        self.assertEqual(report["tools"][0]["version"], "9.9")
        self.assertEqual((report["tools"][1]["commit"], report["tools"][1]["build"]), ("abc", 7))

    def test_own_arguments_of_a_peer_come_first(self) -> None:
        self.report("model.gguf", "-p", "128", "-n", "0", "-r", "1", "-t", "2")
        self.assertEqual(self.calls("old/llama-bench"), ["-rtr 1 -m model.gguf -p 128 -n 0 -t 2 -r 1 -o json"])

    def test_depth_is_asked_for_in_the_way_the_program_knows(self) -> None:
        report = self.report("model.gguf", "-p", "512", "-n", "16", "-d", "1024", "-r", "1")
        self.assertIn("-d 1024", self.calls("new/llama-bench")[1])
        self.assertIn("-p 0 -n 0 -gp 1024,16", self.calls("old/llama-bench")[-1])
        prefill = report["rows"][0]
        self.assertEqual(prefill["test"], "pp512 @ d1024")
        self.assertIn("-24.0 tokens per second", prefill["results"]["old"]["failed"])  # 1000 - 1024

    def test_a_sweep_gives_the_row_of_the_depth(self) -> None:
        report = self.report("model.gguf", "-p", "128", "-n", "0", "-d", "256", "-r", "1")
        self.assertEqual(report["rows"][0]["results"]["old"]["median"], 744.0)

    def test_sequences_go_to_the_batched_program(self) -> None:
        report = self.report("model.gguf", "-p", "0", "-n", "16", "-b", "1,4", "-r", "1")
        self.assertEqual([row["test"] for row in report["rows"]], ["tg16", "tg16 x4"])
        self.assertEqual(report["rows"][1]["results"]["new"]["median"], 160.0)
        self.assertIn("-c 1024", self.calls("new/llama-batched-bench")[0])

    def test_a_peer_that_fails_is_shown_and_not_compared(self) -> None:
        report = self.report("broken.gguf", "-p", "128", "-n", "0", "-r", "2")
        row = report["rows"][0]
        self.assertEqual(row["results"]["new"]["failed"], "exit code 1: error: unknown model architecture")
        self.assertEqual((row["best_peer"], row["ratio"]), (None, None))
        self.assertIn("failed: exit code 1", compare.to_markdown(report))

    def test_a_missing_program_is_a_failure_too(self) -> None:
        os.remove(self.folder / "new/llama-bench")
        row = self.report("model.gguf", "-p", "128", "-n", "0", "-r", "1")["rows"][0]
        self.assertIn("cannot be started", row["results"]["new"]["failed"])
        self.assertEqual(row["best_peer"], "old")

    def test_markdown_names_machine_and_programs(self) -> None:
        text = compare.to_markdown(self.report("model.gguf", "-p", "128", "-n", "0", "-r", "1"))
        for words in ("Instruction sets:", "**tael**: version 9.9", "**old**: commit abc, build 7; -rtr 1",
                      "| model.gguf | pp128 | 200.0", "2.00 (new)"):
            self.assertIn(words, text)

    def test_the_report_is_json(self) -> None:
        report = self.report("model.gguf", "-p", "128", "-n", "0", "-r", "1")
        self.assertEqual(json.loads(json.dumps(report))["rows"][0]["test"], "pp128")


class PartsTest(unittest.TestCase):
    def test_only_valid_samples_count_when_there_are_some(self) -> None:
        samples = [{"speed": speed, "valid": valid} for speed, valid in ((10.0, False), (20.0, True), (22.0, True))]
        self.assertEqual(compare.summarize(samples)["median"], 21.0)
        self.assertEqual(compare.summarize(samples[:1])["valid_samples"], 0)

    def test_wrong_names_are_refused(self) -> None:
        for words in (["--peer", "nothing"], ["--peer", "tael=x"], ["-r", "0"], ["-p", "-1"]):
            with self.assertRaises(SystemExit), contextlib.redirect_stderr(io.StringIO()):
                compare.parse(["model.gguf", *words])

    def test_names_of_tests(self) -> None:
        self.assertEqual(Test(generated=8, depth=64, sequences=4).name(), "tg8 x4 @ d64")

    def test_json_between_remarks(self) -> None:
        self.assertEqual(json_in("remark\n[1, 2]\nremark", "[", "x"), [1, 2])
        with self.assertRaises(ToolError):
            json_in("nothing", "[", "x")

    def test_processor(self) -> None:
        facts = machine.describe("processor : 0\nmodel name : A CPU\nflags : fpu avx2 avx512f avx2\n\nmodel name : B\n")
        self.assertEqual((facts["cpu"], facts["instruction_sets"]), ("A CPU", ["avx2", "avx512f"]))

    def test_ticks(self) -> None:
        ticks = machine.parse_ticks("cpu  100 0 50 900 1 2 3 40 0 0\ncpu0 1\n")
        self.assertEqual((ticks.busy, ticks.stolen), (1.55, 0.4))
        self.assertIsNone(machine.parse_ticks("intr 1 2\n"))


if __name__ == "__main__":
    unittest.main()
