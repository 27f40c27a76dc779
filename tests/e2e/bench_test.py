#!/usr/bin/env python3
"""`tael bench`: what it measures, what it reports, what it refuses."""

import os
import sys
import tempfile

from harness import GOLDEN, ROOT, expect, main, tael

sys.path.insert(0, os.path.join(ROOT, "bench"))
import packed_models  # noqa: E402

MODEL = os.path.join(GOLDEN, "quant", "gguf", "pure_Q4_K.gguf")
SHORT = ["-r", "2", "--no-probes", "--json"]


def bench(*arguments, **options):
    result = tael("bench", MODEL, *arguments, **options)
    expect(result.code == 0, result)
    return result


def every_depth_is_measured_with_every_prompt_and_every_batch():
    found = bench("-p", "5,7", "-n", "2", "-n", "3", "-d", "0,9", "-b", "1,3", "-t", "1,2", *SHORT).json()
    names = [(entry["threads"], entry["name"]) for entry in found["entries"]]
    one = ["pp5", "pp7", "tg2", "tg2 x3", "tg3", "tg3 x3"]
    both = one + [name + " @ d9" for name in one]
    expect(names == [(threads, name) for threads in (1, 2) for name in both], names)
    for entry in found["entries"]:
        expect(("scaling" in entry) == (entry["threads"] == 2), entry)
        expect(entry["threads"] == 1 or (entry["scaling"]["against_threads"] == 1 and entry["scaling"]["speed"] > 0), entry)
    left_out = bench("-p", "0", "-n", "2", *SHORT).json()
    expect([entry["name"] for entry in left_out["entries"]] == ["tg2"], left_out)


def the_report_says_what_was_measured_and_how():
    found = bench("-p", "6", "-n", "3", "-b", "2", "-d", "4", *SHORT).json()
    expect(isinstance(found["valid"], bool) and (found["valid"] or found["reason"]), found)
    expect(found["numerics_version"] == 3 and found["weights_fingerprint"].startswith("xxh3-sha256:"))
    expect(found["probe_bytes"] == 0 and found["load_before"] >= 0 and found["load_after"] >= 0, found)
    types = {entry["type"]: entry for entry in found["types"]}
    expect("int8" in types["Q4_K"]["matmul"] and types["Q4_K"]["bytes"] > 0, types)
    expect(types["F32"]["matmul"] == "float32", types)
    prefill, decode = found["entries"]
    expect(prefill["kind"] == "prefill" and "share_of_bandwidth" not in prefill, prefill)
    expect(decode["kind"] == "decode" and decode["share_of_bandwidth"] is None, decode)
    for entry, tokens in ((prefill, 6), (decode, 2 * 3)):
        speed = entry["tokens_per_second"]
        expect(len(entry["seconds"]) == 2 and min(entry["seconds"]) > 0, entry)
        expect(speed["min"] <= speed["median"] <= speed["max"], entry)
        expect(abs(speed["max"] * min(entry["seconds"]) - tokens) < 1e-6 * tokens, entry)
        work = entry["work"]
        for key in ("weight_bytes", "kv_bytes_read", "integer_operations", "float_operations"):
            expect(work[key] == sum(part[key] for part in work["parts"].values()) > 0, key, work)
        expect(isinstance(entry["valid"], bool), entry)
    # Three steps of two sequences: all matrices three times, positions 0 to 4, 5, 6 twice.
    position = prefill["work"]["kv_bytes_written"] // 6
    expect(decode["work"]["kv_bytes_read"] == 2 * (5 + 6 + 7) * position, decode)
    single = bench("-p", "0", "-n", "3", *SHORT).json()["entries"][0]
    expect(single["work"]["parts"]["ffn"]["weight_bytes"] == decode["work"]["parts"]["ffn"]["weight_bytes"])


def packed_matrices_count_by_their_form_and_in_their_own_bytes():
    reports = {}
    with tempfile.TemporaryDirectory() as folder:
        model = packed_models.prepare("gptq", folder, 1)
        for matmul in ("integer", "float"):
            result = tael("bench", model, "-p", "0", "-n", "2", "--matmul", matmul, *SHORT)
            expect(result.code == 0, result)
            reports[matmul] = result.json()
        size = os.path.getsize(os.path.join(model, "model.safetensors"))
    for matmul, report in reports.items():
        form = next(entry for entry in report["types"] if entry["type"].startswith("GPTQ"))
        expect(form["matmul"].startswith("int8" if matmul == "integer" else "decoded"), form)
        expect(all(entry["type"] != "I32" for entry in report["types"]), report["types"])
        work = report["entries"][0]["work"]
        # Two tokens, each of which reads all tensors once.
        expect(abs(work["weight_bytes"] / (2 * size) - 1) < 0.01, work["weight_bytes"], size)
    integer, floating = (reports[name]["entries"][0]["work"] for name in ("integer", "float"))
    expect(integer["weight_bytes"] == floating["weight_bytes"], integer, floating)
    expect(integer["integer_operations"] > 0 == floating["integer_operations"], integer, floating)


def limits_are_measured_beside_the_model():
    found = bench("-p", "4", "-n", "4", "-r", "1", "--json").json()
    prefill, decode = found["entries"]
    for entry in (prefill, decode):
        limits = entry["limits"]
        expect(limits["integer_gigaops_per_second"] > 0 and limits["float_gigaflops_per_second"] > 0, limits)
        expect(entry["share_of_integer_peak"] > 0 and entry["share_of_float_peak"] > 0, entry)
    expect(prefill["limits"]["gigabytes_per_second"] is None, prefill)
    if found["probe_bytes"] == 0:  # a machine with less than half a gigabyte to spare
        return
    expect(found["probe_reduced"] == (found["probe_bytes"] < 1 << 30), found)
    patterns = decode["limits"]["patterns"]
    expect(sorted(patterns) == ["1", "16", "4", "8"], patterns)
    expect(decode["limits"]["gigabytes_per_second"] == max(patterns.values()) > 0, patterns)
    expect(decode["share_of_bandwidth"] > 0, decode)


def a_profile_splits_the_time_by_kind_and_layer():
    found = bench("-p", "40", "-n", "4", "-r", "2", "--profile", "--json").json()
    for entry in found["entries"]:
        profile = entry["profile"]
        kinds = {row["kind"]: row for row in profile["kinds"]}
        for kind in ("embedding", "projection", "attention", "ffn", "quantize", "norm", "rope", "head"):
            expect(kinds[kind]["seconds"] > 0 and kinds[kind]["calls"] > 0, kind, kinds)
        expect(abs(sum(row["share"] for row in profile["kinds"]) - 1) < 1e-6, profile["kinds"])
        # Every moment of a step counts once; what is measured around it is a little more.
        total = sum(row["seconds"] for row in profile["kinds"])
        measured = sum(entry["seconds"]) / len(entry["seconds"])
        expect(0.5 * measured < total < measured, total, measured)
        expect(0 < profile["cost_share"] < 0.2, profile["cost_share"])  # of a model of some microseconds
        parts = [row for layer in [*profile["layers"], profile["outside_layers"]] for row in layer]
        for kind, row in kinds.items():
            for key in ("seconds", "calls", "bytes", "integer_operations"):
                summed = sum(part[key] or 0 for part in parts if part["kind"] == kind)
                expect(abs(summed - (row[key] or 0)) <= 1e-9 * max(1, summed), kind, key, summed, row)
        for kind in ("ffn", "head", "projection"):
            work = entry["work"]["parts"][kind]
            expect(kinds[kind]["bytes"] == work["weight_bytes"], kind, kinds[kind], work)
            expect(kinds[kind]["limit"] in ("bandwidth", "integer", "float"), kinds[kind])
            expect(kinds[kind]["share_of_limit"] > 0, kinds[kind])
    plain = bench("-p", "4", "-n", "2", "-r", "1", "--no-probes", "--profile")
    expect("slowest layer" in plain.out and "threads meet" in plain.out and "reading clocks took" in plain.out, plain)
    expect("profile" not in bench("-p", "4", "-n", "2", *SHORT).json()["entries"][0])


def the_table_is_for_people():
    result = bench("-p", "4", "-n", "2", "-r", "1", "--no-probes")
    for text in ("pp4", "tg2", "t/s", "kernels", "Q4_K", "load average"):
        expect(text in result.out, text, result)


def wrong_numbers_are_refused():
    for arguments, hint in [(["-p", "12,"], "--prompt: ''"), (["-n", "x"], "'x'"), (["-b", "0"], "from 1"),
                            (["-p", "0", "-n", "0"], "nothing to measure"), (["-r", "0"], "repetitions"),
                            (["-d", "-5"], "--depth")]:
        result = tael("bench", MODEL, *arguments)
        expect(result.code == 2 and hint in result.err and not result.out, arguments, result)


def what_does_not_fit_is_refused_with_the_numbers():
    result = tael("bench", MODEL, "-p", "100000", "-d", "3")
    expect(result.code == 1 and "100003" in result.err and "trained for" in result.err, result)
    result = tael("bench", MODEL, "-p", "30", "--ctx", "20")
    expect(result.code == 1 and "30 tokens" in result.err and "--ctx is 20" in result.err, result)


main([packed_matrices_count_by_their_form_and_in_their_own_bytes, every_depth_is_measured_with_every_prompt_and_every_batch, the_report_says_what_was_measured_and_how,
      limits_are_measured_beside_the_model, a_profile_splits_the_time_by_kind_and_layer, the_table_is_for_people, wrong_numbers_are_refused,
      what_does_not_fit_is_refused_with_the_numbers])
