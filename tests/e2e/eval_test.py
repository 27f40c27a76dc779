#!/usr/bin/env python3
"""`tael eval`: batches change no number; the figures of a comparison against the definition."""

import math
import os

from harness import GOLDEN, Home, expect, main, tael

LLAMA = os.path.join(GOLDEN, "llama3", "model.gguf")
Q4K = os.path.join(GOLDEN, "quant", "gguf", "pure_Q4_K.gguf")
Q8 = os.path.join(GOLDEN, "quant", "gguf", "pure_Q8_0.gguf")
TEXT = "the quick brown fox jumps over the lazy dog, again and again; " * 6


def batches_change_no_number():
    with Home() as home:
        text = home.file("t.txt", TEXT)
        found = [home.tael("eval", "perplexity", Q4K, text, text, "--window", "64", "--batch", str(b), "--json",
                           "--threads", str(t)).json() for b, t in ((1, 1), (3, 2), (8, 2))]
        for other in found[1:]:
            for key in ("mean_nll", "standard_error", "perplexity", "perplexity_error", "scored", "tokens"):
                expect(other[key] == found[0][key], key, other, found[0])
        one, two = found[0]["files"]
        expect(one == two and found[0]["scored"] == 2 * one["scored"], found[0])
        expect(abs(found[0]["mean_nll"] - one["mean_nll"]) < 1e-12, found[0])
        table = home.tael("eval", "perplexity", Q4K, text, "--window", "64")
        expect(table.code == 0 and f"{one['perplexity']:.4f}" in table.out, table)


def log_probs(model, text, *way):
    """Natural log-probabilities [position][token], and the tokens."""
    found = tael("run", model, text, "--json", "--max-tokens", "1", "--prompt-logprobs", "1000", *way).json()
    rows = [{t["id"]: t["logprob"] for t in entry["top"]} for entry in found["prompt_logprobs"][1:]]
    return rows, found["prompt_ids"]


def mean(values):
    return math.fsum(values) / len(values)


def error(values):
    m = mean(values)
    return math.sqrt(math.fsum((v - m) ** 2 for v in values) / (len(values) - 1) / len(values))


def percentile(values, q):
    values = sorted(values)
    at = q * (len(values) - 1)
    low = int(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (at - low) * (values[high] - values[low])


def expected(base, model, text, base_way, model_way):
    """What `eval compare` must say, from the log-probabilities of the whole vocabulary."""
    p_rows, ids = log_probs(base, text, *base_way)
    q_rows, _ = log_probs(model, text, *model_way)
    kl, p_nll, q_nll, change, same = [], [], [], [], 0
    for p, q, token in zip(p_rows, q_rows, ids[1:]):
        kl.append(math.fsum(math.exp(p[i]) * (p[i] - q[i]) for i in p))
        p_nll.append(-p[token])
        q_nll.append(-q[token])
        change.append(math.exp(q[token]) - math.exp(p[token]))
        same += max(p, key=lambda i: (p[i], -i)) == max(q, key=lambda i: (q[i], -i))
    n = len(kl)
    squares = [c * c for c in change]
    ratio = [b - a for a, b in zip(p_nll, q_nll)]
    rms = math.sqrt(mean(squares))
    return {
        "kl": {"value": mean(kl), "error": error(kl), "median": percentile(kl, 0.5), "p90": percentile(kl, 0.9),
               "p99": percentile(kl, 0.99), "p99_9": percentile(kl, 0.999), "max": max(kl)},
        "top1_agreement": {"value": same / n, "error": math.sqrt(same / n * (1 - same / n) / (n - 1))},
        "base_mean_nll": {"value": mean(p_nll), "error": error(p_nll)},
        "mean_nll": {"value": mean(q_nll), "error": error(q_nll)},
        "base_perplexity": {"value": math.exp(mean(p_nll)), "error": math.exp(mean(p_nll)) * error(p_nll)},
        "perplexity": {"value": math.exp(mean(q_nll)), "error": math.exp(mean(q_nll)) * error(q_nll)},
        "perplexity_ratio": {"value": math.exp(mean(ratio)), "error": math.exp(mean(ratio)) * error(ratio)},
        "probability_change": {"value": mean(change), "error": error(change)},
        "probability_change_rms": {"value": rms, "error": error(squares) / (2 * rms)},
    }


def comparisons_follow_their_definitions():
    text = TEXT[:250]
    with Home() as home:
        path = home.file("t.txt", text)
        for base, model, base_way, model_way, flags in (
                (Q4K, Q4K, ["--matmul", "float"], [], ["--base-matmul", "float"]),
                (Q8, Q4K, ["--kv", "f32"], ["--kv", "bf16"], ["--base-kv", "f32", "--kv", "bf16"]),
                (LLAMA, Q8, [], [], ["--batch", "1"])):
            found = home.tael("eval", "compare", base, model, path, *flags, "--json").json()
            wanted = expected(base, model, text, base_way, model_way)
            expect(found["scored"] > 100, found)
            for name, parts in wanted.items():
                for part, value in parts.items():
                    scale = max(1.0, abs(value))
                    expect(abs(found[name][part] - value) <= 1e-9 * scale, name, part, found[name], value)
            expect(found["kl"]["value"] > 0 and found["base"]["matmul"] == (base_way + ["", "integer"])[1]
                   or "--kv" in base_way, found)


def comparisons_do_not_depend_on_batches_and_windows_start_anew():
    with Home() as home:
        text = home.file("t.txt", TEXT)
        runs = [home.tael("eval", "compare", Q8, Q4K, text, text, "--window", "50", "--batch", b, "--json").json()
                for b in ("1", "5")]
        for key in ("kl", "top1_agreement", "perplexity_ratio", "probability_change_rms", "scored"):
            expect(runs[0][key] == runs[1][key], key, runs)
        alone = home.tael("eval", "perplexity", Q4K, text, text, "--window", "50", "--json").json()
        expect(alone["perplexity"] == runs[0]["perplexity"]["value"], alone, runs[0])
        table = home.tael("eval", "compare", Q8, Q4K, text, "--window", "50")
        expect(table.code == 0 and "KL divergence, 99.9 %" in table.out and "integer, F16 cache" in table.out, table)


def a_model_equals_itself():
    with Home() as home:
        text = home.file("t.txt", TEXT)
        result = home.tael("eval", "compare", Q8, Q8, text, "--json")
        found = result.json()
        expect("same way" in result.err, result)
        expect(found["kl"]["max"] == 0 and found["top1_agreement"]["value"] == 1, found)
        expect(found["perplexity_ratio"] == {"value": 1.0, "error": 0.0}, found)


def mistakes_are_explained():
    with Home() as home:
        text, empty = home.file("t.txt", TEXT), home.file("e.txt", "")
        small = home.copy(LLAMA, "small.gguf")
        with open(small, "rb") as file:
            data = file.read()
        renamed = home.file("renamed.gguf", data.replace(b"<pad_388>", b"<bad_388>"))
        for arguments, code, wanted in [
                (("perplexity", Q8, empty), 1, "at least 2"), (("perplexity", Q8, text, "--window", "5000"), 1, "--window 5000"),
                (("perplexity", Q8, text, "--batch", "0"), 2, "batch"), (("perplexity", Q8), 2, "files"),
                (("perplexity", Q8, "no/such.txt"), 1, "no/such.txt"), (("compare", Q8), 2, "model"),
                (("compare", Q8, Q4K, text, "--window", "5000"), 1, "--window 5000"),
                (("compare", Q8, "no/such.gguf", text), 1, "no/such.gguf"),
                (("compare", LLAMA, renamed, text), 1, "<bad_388>"), (("compre", Q8, Q8, text), 2, "compare"),
                (("compare", Q8, Q4K, LLAMA), 1, "zero bytes"), (("compare", Q8, "--jso"), 2, "eval compare --help")]:
            result = home.tael("eval", *arguments)
            expect(result.code == code and wanted in result.err and not result.out, arguments, result)


if __name__ == "__main__":
    main([batches_change_no_number, comparisons_follow_their_definitions,
          comparisons_do_not_depend_on_batches_and_windows_start_anew, a_model_equals_itself, mistakes_are_explained])
