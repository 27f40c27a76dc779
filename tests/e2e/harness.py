"""What the end-to-end tests share: the program under test, fake homes, TAP output."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TAEL = os.environ.get("TAEL_BIN") or os.environ.get("TAEL") or os.path.join(ROOT, "build/release/tael")
GOLDEN = os.path.join(ROOT, "tests", "golden")
# Variables of the caller that would change what the program finds.
SCRUBBED = ["TAEL_MODELS", "HF_HOME", "HF_HUB_CACHE", "OLLAMA_MODELS", "XDG_CONFIG_HOME",
            "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "NO_COLOR"]

# What was started with signals ignored (in the background of a script, under nohup) passes that on,
# and the program leaves it so: tests that send signals need the defaults.
for _number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, signal.SIG_DFL)


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def json(self):
        return json.loads(self.out)


class Home:
    """A temporary home directory; the program sees nothing else of the user's."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="tael_e2e_")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def file(self, name, content=b""):
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(content if isinstance(content, bytes) else content.encode())
        return path

    def copy(self, source, name):
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copy(source, path)
        return path

    def environment(self, **extra):
        env = {key: value for key, value in os.environ.items() if key not in SCRUBBED}
        env.update(HOME=self.path, **extra)
        return env

    def tael(self, *arguments, stdin="", timeout=120, **extra):
        data = stdin if isinstance(stdin, bytes) else stdin.encode()
        done = subprocess.run([TAEL, *arguments], input=data, capture_output=True, timeout=timeout,
                              env=self.environment(**extra), check=False)
        return Result(done.returncode, done.stdout.decode(errors="replace"),
                      done.stderr.decode(errors="replace"))


def tael(*arguments, **options):
    with Home() as home:
        return home.tael(*arguments, **options)


def expect(condition, *shown):
    """An assertion that prints what was seen."""
    if not condition:
        raise AssertionError(" | ".join(
            f"exit {s.code}\nstdout: {s.out[:600]}\nstderr: {s.err[:600]}" if isinstance(s, Result)
            else str(s) for s in shown))


class Skip(Exception):
    """Raised by a test that lacks something; the text says what."""


def main(tests):
    """Runs the functions, prints one TAP line each, exits 1 when one failed."""
    failed = 0
    print(f"1..{len(tests)}")
    for number, test in enumerate(tests, 1):
        name = test.__name__.replace("_", " ")
        try:
            test()
            print(f"ok {number} - {name}", flush=True)
        except Skip as reason:
            print(f"ok {number} - {name} # SKIP {reason}", flush=True)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            for line in traceback.format_exc().splitlines():
                print("#", line)
            print(f"not ok {number} - {name}", flush=True)
    sys.exit(1 if failed else 0)
