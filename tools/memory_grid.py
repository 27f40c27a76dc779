#!/usr/bin/env python3
"""Runs random models under random memory limits: what the plan allows must run, the rest be refused.

usage: tools/memory_grid.py [--count N] [--seed S] [--tael PATH] [--verbose]

Models are sparse files: a header, then a hole that reads as zeros, so that sizes cost no disk. Each
configuration asks `tael plan` under the limit whether the run fits, then runs it under the same
limit. A run that was allowed must succeed; one that was not must end with exit code 1 and the plan's
message. Anything else is counted as unplanned: a signal, another error, a limit that was not kept, a
refusal of what clearly fits. The last line is `N passed, N failed`.
"""

import argparse
import collections
import json
import os
import random
import resource
import shutil
import struct
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WIDTH = {"F32": 4, "F16": 2, "BF16": 2}
MIB = 1 << 20
# A plan under a limit may differ from one without by what the process itself takes more or less.
SLACK = 4 * MIB
Done = collections.namedtuple("Done", "code out err peak")


def tensor_shapes(c):
    d, f, v, dim = c["hidden_size"], c["intermediate_size"], c["vocab_size"], c["head_dim"]
    q, kv = c["num_attention_heads"] * dim, c["num_key_value_heads"] * dim
    yield "model.embed_tokens.weight", [v, d]
    for i in range(c["num_hidden_layers"]):
        at = f"model.layers.{i}."
        yield at + "input_layernorm.weight", [d]
        yield at + "post_attention_layernorm.weight", [d]
        for name, shape in (("q", [q, d]), ("k", [kv, d]), ("v", [kv, d]), ("o", [d, q])):
            yield f"{at}self_attn.{name}_proj.weight", shape
        for name, shape in (("gate", [f, d]), ("up", [f, d]), ("down", [d, f])):
            yield f"{at}mlp.{name}_proj.weight", shape
    yield "model.norm.weight", [d]


def byte_tokenizer():
    """A tokenizer whose tokens are the bytes, in the printable alphabet of byte-level BPE."""
    plain = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174]
    rest = [b for b in range(256) if b not in plain]
    vocab = {chr(b): b for b in plain} | {chr(256 + i): b for i, b in enumerate(rest)}
    return {"version": "1.0", "added_tokens": [], "normalizer": None, "post_processor": None,
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False},
            "decoder": {"type": "ByteLevel"},
            "model": {"type": "BPE", "vocab": vocab, "merges": []}}


def write_model(folder, rng):
    heads_per_kv, kv_heads = rng.choice([1, 2, 3]), rng.choice([1, 2, 4])
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "hidden_size": 32 * rng.randint(2, 32), "num_hidden_layers": rng.randint(1, 10),
        "intermediate_size": 32 * rng.randint(4, 90), "num_attention_heads": heads_per_kv * kv_heads,
        "num_key_value_heads": kv_heads, "head_dim": 32 * rng.randint(1, 4),
        "vocab_size": rng.choice([256, 1000, 32000, 151936]), "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0, "max_position_embeddings": rng.choice([256, 2048, 32768]),
        "tie_word_embeddings": True, "torch_dtype": "float16",
    }
    os.makedirs(folder)
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as out:
        json.dump(config, out)
    with open(os.path.join(folder, "tokenizer.json"), "w", encoding="utf-8") as out:
        json.dump(byte_tokenizer(), out)
    dtype, header, offset = rng.choice(list(WIDTH)), {}, 0
    for name, shape in tensor_shapes(config):
        size = WIDTH[dtype]
        for extent in shape:
            size *= extent
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    with open(os.path.join(folder, "model.safetensors"), "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        out.truncate(8 + len(text) + offset)
    return config


class Cgroup:
    """A memory cgroup of version 1 or 2, where the machine lets us make one."""

    def __init__(self):
        self.path = None
        for parent, limit in (("/sys/fs/cgroup", "memory.max"),
                              ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")):
            path = os.path.join(parent, f"tael_memory_grid_{os.getpid()}")
            try:
                os.mkdir(path)
                if os.path.exists(os.path.join(path, limit)):
                    self.path, self.limit_file = path, os.path.join(path, limit)
                    return
                os.rmdir(path)
            except OSError:
                pass

    def limit(self, size):
        with open(self.limit_file, "w", encoding="ascii") as out:
            out.write(str(size))

    def enter(self):
        with open(os.path.join(self.path, "cgroup.procs"), "w", encoding="ascii") as out:
            out.write(str(os.getpid()))

    def remove(self):
        if self.path:
            os.rmdir(self.path)


def run(tael, arguments, before=None):
    """Runs the program; peak is the most that it had resident, in bytes."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen([tael, *arguments], stdout=out, stderr=err, preexec_fn=before,
                                 stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        return Done(child.returncode, out.read().decode(errors="replace"),
                    err.read().decode(errors="replace"), usage.ru_maxrss * 1024)


def draw_limit(rng, kind, plan):
    total = plan["total_bytes"]
    if kind == "memory":
        return int(total * rng.uniform(0.4, 1.4))
    if kind == "cgroup":
        return int((total + 2 * MIB) * rng.uniform(0.4, 1.4))
    if kind == "ulimit -d":  # mapped files do not count
        return int((plan["parts"]["kv_cache"] + plan["parts"]["scratch"] + 30 * MIB) * rng.uniform(0.3, 1.6))
    return int((total + 70 * MIB) * rng.uniform(0.3, 1.6))


def enforce(kind, size, cgroup):
    if kind == "cgroup":
        cgroup.limit(size)
        return cgroup.enter
    if kind in ("ulimit -v", "ulimit -d"):
        what = resource.RLIMIT_AS if kind == "ulimit -v" else resource.RLIMIT_DATA
        return lambda: resource.setrlimit(what, (size, size))
    return None


class Grid:
    def __init__(self, tael, seed, verbose):
        self.tael, self.seed, self.verbose = tael, seed, verbose
        self.cgroup = Cgroup()
        self.kinds = ["memory", "ulimit -v", "ulimit -d"] + (["cgroup"] if self.cgroup.path else [])
        self.counts, self.problems = collections.Counter(), []

    def one(self, index, folder):
        rng = random.Random(f"{self.seed}/{index}")
        config = write_model(folder, rng)
        context = rng.choice([0, rng.randint(16, config["max_position_embeddings"])])
        flags = [folder, "--kv", rng.choice(["f32", "f16", "bf16", "q8_0"]),
                 "--threads", str(rng.choice([1, 2, 3, 7])), "--ctx", str(context)]
        flags += ["--matmul", "float"] if rng.random() < 0.2 else []
        flags += ["--lazy"] if rng.random() < 0.15 else []
        kind = rng.choice(self.kinds)
        free = run(self.tael, ["plan", *flags, "--json"])
        if not free.out:
            self.problems.append(f"{index}: plan without a limit failed: {free.err}")
            return
        plan = json.loads(free.out)
        limit = draw_limit(rng, kind, plan)
        flags += ["--memory", str(limit)] if kind == "memory" else []
        before = enforce(kind, limit, self.cgroup)
        told = run(self.tael, ["plan", *flags, "--json"], before)
        # Short enough for the context that a tight limit leaves; the next process may get less.
        context = json.loads(told.out)["context"] if told.out else plan["context"]
        prompt = "x" * rng.randint(1, max(1, min(context // 2, 300)))
        shown = rng.choice(["--no-stream", "--json"])
        done = run(self.tael, ["run", *flags, prompt, "--max-tokens", "3", shown], before)
        problem = self.judge(kind, limit, plan, told, done)
        if problem:
            self.problems.append(f"{index} ({kind} {limit}): {problem}")
        if self.verbose or problem:
            print(f"{index}: {kind} {limit} plan {plan['total_bytes']} peak {done.peak} "
                  f"exit {done.code} {done.err.strip()[:300]} {problem}", flush=True)

    def judge(self, kind, limit, plan, told, done):
        if told.code not in (0, 1) or done.code not in (0, 1):
            return f"exit codes {told.code}, {done.code}: {told.err} {done.err}"
        fits = bool(told.out) and json.loads(told.out)["fits"]
        # Where not even headers and vocabulary could be read, there is no plan to show.
        planned = "this run needs" in done.err or (not fits and "out of memory" in done.err)
        self.counts[f"{kind}: {'ran' if done.code == 0 else 'refused'}"] += 1
        if fits and done.code != 0 and not ("the context is" in done.err and "context holds" in done.err):
            return f"was allowed, but failed: {done.err}"
        if not fits and done.code == 0 and not self.close(told):
            return "was refused by the plan, but ran"
        # A limit that leaves less than in the plan's process may shorten a context nobody asked for.
        shortened = "the context is" in done.err and "but the context holds" in done.err
        if done.code == 1 and not planned and not shortened:
            return f"another error: {done.err}"
        if kind == "memory" and done.code == 0 and done.peak > limit:
            return f"took {done.peak}"
        # The cgroup pays for the kernel's own tables too.
        enough = plan["total_bytes"] + plan["total_bytes"] // 256 + SLACK
        if kind in ("memory", "cgroup") and done.code == 1 and plan["context"] and limit > enough:
            return f"was refused, though {plan['total_bytes']} fit: {done.err}"
        return ""

    @staticmethod
    def close(told):
        """Whether the plan, which is the more careful one, refused only by what it adds for care."""
        limits = json.loads(told.out)["limits"] if told.out else []
        return all(one["needed_bytes"] - one["limit_bytes"] < SLACK for one in limits)

    def all(self, count):
        for index in range(count):
            folder = os.path.join(tempfile.mkdtemp(prefix="tael_memory_"), "model")
            try:
                self.one(index, folder)
            finally:
                shutil.rmtree(os.path.dirname(folder), ignore_errors=True)
        self.cgroup.remove()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tael", default=os.environ.get("TAEL", os.path.join(ROOT, "build/release/tael")))
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    grid = Grid(options.tael, options.seed, options.verbose)
    grid.all(options.count)
    for name, count in sorted(grid.counts.items()):
        print(f"{name}: {count}")
    if "cgroup" not in grid.kinds:
        print("no memory cgroup could be made here: that limit was not tested")
    for problem in grid.problems:
        print("unplanned:", problem)
    print(f"{options.count - len(grid.problems)} passed, {len(grid.problems)} failed")
    return 1 if grid.problems else 0


if __name__ == "__main__":
    sys.exit(main())
