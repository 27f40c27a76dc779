"""The programs that bench/compare.py runs: what to call for a test, and how to read the speed it prints."""

import json
import math
import re
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

POSITIONS_UNIT = 256  # contexts of llama.cpp are rounded up to it, for each sequence


@dataclass(frozen=True)
class Test:
    """One measurement: a prefill of `prompt` tokens, or a decode of `generated` for each sequence."""

    prompt: int = 0
    generated: int = 0
    depth: int = 0
    sequences: int = 1

    def name(self) -> str:
        text = f"pp{self.prompt}" if self.prompt else f"tg{self.generated}"
        text += f" x{self.sequences}" if self.sequences > 1 else ""
        return text + (f" @ d{self.depth}" if self.depth else "")


class ToolError(Exception):
    """Why a program gave no figure for a test: shown in its place."""


@dataclass
class Tool:
    """A program by path with arguments of its own."""

    name: str
    command: list[str]
    timeout: float = 1800.0
    facts: dict = field(default_factory=dict)  # version, commit and the like, as far as it says

    def run(self, arguments: list[str]) -> str:
        """Standard output and error of a call that ended well."""
        call = [*self.command, *arguments]
        try:
            done = subprocess.run(call, capture_output=True, text=True, errors="replace",
                                  timeout=self.timeout, check=False)
        except OSError as error:
            raise ToolError(f"cannot be started: {error.strerror}") from error
        except subprocess.TimeoutExpired as error:
            raise ToolError(f"took more than {self.timeout:.0f} s") from error
        if done.returncode != 0:
            lines = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()
            raise ToolError(f"exit code {done.returncode}: {lines[-1].strip()[:160]}")
        return done.stdout + "\n" + done.stderr

    def tokens_per_second(self, model: str, test: Test, threads: int) -> float:
        raise NotImplementedError

    def describe(self) -> dict:
        return {"name": self.name, "command": shlex.join(self.command), **self.facts}


def speed_of(value: object, program: str) -> float:
    if not isinstance(value, (int, float)) or not math.isfinite(value) or value <= 0:
        raise ToolError(f"{program} reports {value!r} tokens per second")
    return float(value)


def json_in(text: str, opening: str, program: str):
    """The JSON value that starts with `opening`; programs print remarks around it."""
    start = text.find(opening)
    try:
        return json.JSONDecoder().raw_decode(text[start:])[0] if start >= 0 else json.loads("")
    except ValueError as error:
        raise ToolError(f"{program} printed no JSON that can be read") from error


class Tael(Tool):
    """`tael bench`."""

    same_tokens = False  # all sequences of a batch get the same tokens

    def tokens_per_second(self, model: str, test: Test, threads: int) -> float:
        report = json_in(self.run(
            ["bench", model, "-p", str(test.prompt), "-n", str(test.generated), "-d", str(test.depth),
             "-b", str(test.sequences), "-t", str(threads), "-r", "1", "--no-probes", "--json",
             *(["--same-tokens"] if self.same_tokens else [])]), "{", "tael")
        for key in ("version", "kernels", "matmul", "kv"):
            self.facts[key] = report.get(key)
        return speed_of(report["entries"][0]["tokens_per_second"]["median"], "tael")


class LlamaBench(Tool):
    """`llama-bench`, and its neighbours for what it cannot measure: `llama-batched-bench` for several
    sequences, `llama-sweep-bench` for a prefill at a depth where there is no -d."""

    def __init__(self, name: str, command: list[str], batched: list[str] | None = None) -> None:
        super().__init__(name, command)
        folder = Path(command[0]).parent
        self.batched = Tool(name, batched or [str(folder / "llama-batched-bench")])
        self.sweep = Tool(name, [str(folder / "llama-sweep-bench")])
        self.has_depth: bool | None = None

    def options(self) -> bool:
        """Whether there is an option -d."""
        if self.has_depth is None:
            self.has_depth = re.search(r"^\s*-d,", self.run(["--help"]), re.MULTILINE) is not None
        return self.has_depth

    def describe(self) -> dict:
        return {**super().describe(), "batched": shlex.join(self.batched.command)}

    def tokens_per_second(self, model: str, test: Test, threads: int) -> float:
        if test.sequences > 1:
            return self.of_sequences(model, test, threads)
        if test.prompt and test.depth and not self.options():
            return self.of_sweep(model, test, threads)
        what = ["-p", str(test.prompt), "-n", str(test.generated)]
        if test.depth and self.options():
            what += ["-d", str(test.depth)]
        elif test.depth:  # a decode behind a prompt is a test of its own kind
            what = ["-p", "0", "-n", "0", "-gp", f"{test.depth},{test.generated}"]
        text = self.run(["-m", model, *what, "-t", str(threads), "-r", "1", "-o", "json"])
        rows = json_in(text, "[", "llama-bench")
        if len(rows) != 1:
            raise ToolError(f"llama-bench reports {len(rows)} tests instead of one")
        self.facts.update({"commit": rows[0].get("build_commit"), "build": rows[0].get("build_number")})
        return speed_of(rows[0].get("avg_ts"), "llama-bench")

    def of_sequences(self, model: str, test: Test, threads: int) -> float:
        prompt = max(1, test.depth)  # it evaluates a prompt of one token at least
        each = -(-(prompt + test.generated) // POSITIONS_UNIT) * POSITIONS_UNIT
        text = self.batched.run(["-m", model, "-c", str(each * test.sequences), "-t", str(threads),
                                 "-npp", str(prompt), "-ntg", str(test.generated), "-npl", str(test.sequences)])
        for line in text.splitlines():
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if len(cells) == 10 and cells[:3] == [str(prompt), str(test.generated), str(test.sequences)]:
                return speed_of(float(cells[7]), "llama-batched-bench")
        raise ToolError("llama-batched-bench printed no row for this test")

    def of_sweep(self, model: str, test: Test, threads: int) -> float:
        if test.depth % test.prompt != 0:
            raise ToolError("llama-sweep-bench needs a depth that is a multiple of the prompt")
        text = self.sweep.run(["-m", model, "-c", str(test.depth + test.prompt), "-b", str(test.prompt),
                               "-ub", str(test.prompt), "-n", "1", "-t", str(threads)])
        for line in text.splitlines():
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if len(cells) == 7 and cells[0] == str(test.prompt) and cells[2] == str(test.depth):
                return speed_of(float(cells[4]), "llama-sweep-bench")
        raise ToolError("llama-sweep-bench printed no row for this test")
