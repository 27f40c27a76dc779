#!/usr/bin/env python3
"""`tael run`: several choices, log-probabilities of the prompt, stop texts, banned tokens."""

import os

from harness import GOLDEN, expect, main, tael

GGUF = os.path.join(GOLDEN, "llama3", "model.gguf")
Q4K = os.path.join(GOLDEN, "quant", "gguf", "pure_Q4_K.gguf")
PROMPT = "the quick brown fox jumps over the lazy dog and so on, " * 4  # more than three cache blocks
WARM = ["--json", "--max-tokens", "12", "--temperature", "1.3", "--seed", "11"]


def choices_are_what_each_would_be_alone():
    for model in (GGUF, Q4K):
        found = tael("run", model, PROMPT, *WARM, "--choices", "11", "--logprobs", "1", "--threads", "2").json()
        expect([c["choice"] for c in found["choices"]] == list(range(11)), found)
        expect(len({tuple(c["ids"]) for c in found["choices"]}) > 5, found)
        expect(found["usage"]["completion_tokens"] == sum(len(c["ids"]) for c in found["choices"]), found["usage"])
        expect(found["usage"]["cached_tokens"] == 0, found["usage"])
        for index in (0, 3, 10):
            alone = tael("run", model, PROMPT, *WARM, "--choice", str(index), "--logprobs", "1", "--threads", "1").json()
            for key in ("text", "ids", "finish_reason", "logprobs"):
                expect(alone[key] == found["choices"][index][key], key, alone, found["choices"][index])
        later = tael("run", model, PROMPT, *WARM, "--choice", "9", "--choices", "2").json()
        expect([c["ids"] for c in later["choices"]] == [c["ids"] for c in found["choices"][9:11]], later)


def choices_are_shown_one_after_the_other():
    arguments = ["run", GGUF, "abc", "--max-tokens", "5", "--temperature", "1", "--choices", "2"]
    shown = tael(*arguments)
    expect(shown.code == 0 and not shown.err, shown)
    texts = [c["text"] for c in tael(*arguments, "--json").json()["choices"]]
    expect(shown.out == f"--- choice 0 ---\n{texts[0]}\n--- choice 1 ---\n{texts[1]}\n", shown, texts)
    alike = tael("run", GGUF, "abc", "--max-tokens", "5", "--choices", "2")
    expect(alike.code == 0 and "--temperature" in alike.err, alike)


def prompt_log_probabilities_belong_to_the_prompt():
    plain = tael("run", GGUF, PROMPT, "--json", "--max-tokens", "3").json()
    found = tael("run", GGUF, PROMPT, "--json", "--max-tokens", "3", "--prompt-logprobs", "2").json()
    expect(found["ids"] == plain["ids"] and "prompt_logprobs" not in plain, found)
    entries, ids = found["prompt_logprobs"], found["prompt_ids"]
    expect(len(entries) == len(ids) == found["usage"]["prompt_tokens"] and entries[0] is None, found)
    for entry, token in zip(entries[1:], ids[1:]):
        expect(entry["id"] == token and len(entry["top"]) == 2, entry)
        expect(entry["logprob"] <= entry["top"][0]["logprob"] <= 0, entry)
    several = tael("run", GGUF, PROMPT, *WARM, "--choices", "3", "--prompt-logprobs", "2").json()
    expect(several["prompt_logprobs"] == entries, several)
    one = tael("run", GGUF, "a", "--json", "--max-tokens", "1", "--prompt-logprobs", "2").json()
    expect(one["prompt_logprobs"][0] is None and len(one["prompt_logprobs"]) == one["usage"]["prompt_tokens"], one)


def answers_end_before_stop_texts():
    base = ["run", GGUF, "abc", "--max-tokens", "40", "--temperature", "1.5", "--seed", "4"]
    whole = tael(*base, "--json").json()
    text = whole["text"]
    stop = text[7:12]  # crosses tokens
    want = text[:text.index(stop)]
    found = tael(*base, "--json", "--stop", stop, "--stop", "not there").json()
    expect(found["text"] == want and found["finish_reason"] == "stop", found, text)
    expect(found["ids"] == whole["ids"][:len(found["ids"])] and len(found["ids"]) < len(whole["ids"]), found)
    for extra in ([], ["--no-stream"]):
        shown = tael(*base, "--stop", stop, *extra)
        expect(shown.out == want + "\n" and shown.code == 0, shown, want)
    # The beginning of a stop text that never comes is shown in the end.
    late = tael(*base, "--json", "--stop", text[-3:] + "#").json()
    expect(late["text"] == text and late["finish_reason"] == whole["finish_reason"], late)


def tokens_and_sequences_can_be_banned():
    base = ["run", GGUF, "abc", "--json", "--max-tokens", "12"]
    plain = tael(*base).json()["ids"]
    expect(plain[0] not in tael(*base, "--ban-ids", str(plain[0])).json()["ids"])
    pair = f"{plain[0]},{plain[1]}"
    other = tael(*base, "--ban-ids", pair).json()["ids"]
    expect(other[0] == plain[0] and other[1] != plain[1], plain, other)
    expect(all(p != tuple(plain[:2]) for p in zip(other, other[1:])), other)
    first = tael(*base, "--logit-bias", "2=1000").json()
    expect(first["finish_reason"] == "stop" and len(first["ids"]) == 1, first)
    longer = tael(*base, "--logit-bias", "2=1000", "--min-tokens", "7").json()
    expect(len(longer["ids"]) == 8, longer)


def mistakes_are_explained():
    for arguments, code, wanted in [
            (["--ban-ids", "x"], 2, "42,7"), (["--ban-ids", "512"], 1, "512"), (["--stop", ""], 2, "--stop"),
            (["--choices", "0"], 2, "choices"), (["--choices", "999"], 2, "128"), (["--choice", "-1"], 2, "choice"),
            (["--prompt-logprobs", "1"], 2, "--json"), (["--json", "--prompt-logprobs", "2000"], 2, "1000")]:
        result = tael("run", GGUF, "abc", *arguments)
        expect(result.code == code and wanted in result.err and not result.out, arguments, result)
    # Nothing is left to pick: an error, not an answer.
    every = [x for i in range(512) for x in ("--ban-ids", str(i))]
    result = tael("run", GGUF, "abc", *every)
    expect(result.code == 1 and result.err.startswith("tael: error: ") and not result.out, result)


if __name__ == "__main__":
    main([choices_are_what_each_would_be_alone, choices_are_shown_one_after_the_other,
          prompt_log_probabilities_belong_to_the_prompt, answers_end_before_stop_texts,
          tokens_and_sequences_can_be_banned, mistakes_are_explained])
