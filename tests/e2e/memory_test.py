#!/usr/bin/env python3
"""What `tael plan` promises: the peak memory of a run, limits that are kept or refused, clear errors."""

import json
import os
import resource
import sys

from harness import ROOT, TAEL, Home, Skip, expect, main, tael

sys.path.insert(0, os.path.join(ROOT, "tools"))
import memory_grid  # noqa: E402

GOLDEN = os.path.join(ROOT, "tests", "golden", "quant", "gguf", "pure_Q4_K.gguf")
CONFIGURATIONS = 40


def real_model():
    path = os.environ.get("TAEL_MODEL_SMOLLM2", os.path.join(
        ROOT, "build", "models", "SmolLM2-135M-Instruct.Q4_1.gguf"))
    if not os.path.exists(path):
        raise Skip("SmolLM2 is not there: build/release/tael pull smollm2")
    return path


def plan_of(model, *flags):
    done = memory_grid.run(TAEL, ["plan", model, "--json", *flags])
    expect(done.code in (0, 1), done)
    return json.loads(done.out)


def expect_close(planned, done):
    expect(done.code == 0, done)
    expect(abs(planned / done.peak - 1) <= 0.02, f"planned {planned}, peak {done.peak}")


def the_plan_is_the_peak_of_run_within_two_percent():
    model = real_model()
    for flags in (["--ctx", "512"], ["--ctx", "8192"], ["--ctx", "2048", "--threads", "3"],
                  ["--ctx", "2048", "--kv", "q8_0"], ["--ctx", "1024", "--matmul", "float"]):
        plan = plan_of(model, *flags)
        for extra in ([], ["--temperature", "0.8", "--top-p", "0.9", "--top-k", "50"]):
            expect_close(plan["total_bytes"], memory_grid.run(
                TAEL, ["run", model, *flags, "The river", "--max-tokens", "6", "--no-stream", *extra]))


def the_plan_is_the_peak_of_bench_with_as_many_slots():
    model = real_model()
    plan = plan_of(model, "--ctx", "1024", "--slots", "4")
    expect_close(plan["total_bytes"], memory_grid.run(
        TAEL, ["bench", model, "--ctx", "1024", "-b", "4", "-p", "64", "-n", "8", "-r", "1", "--no-probes"]))


def the_parts_add_up_and_the_cache_is_counted_exactly():
    plan = plan_of(GOLDEN, "--ctx", "128", "--slots", "3", "--kv", "f32")
    expect(plan["total_bytes"] == max(sum(plan["parts"].values()), plan["loading_peak_bytes"]), plan)
    expect(plan["parts"]["kv_cache"] >= plan["kv_bytes_per_token"] * 128 * 3, plan)
    expect(plan["context"] == 128 and plan["slots"] == 3 and plan["fits"] is True, plan)
    lazy = plan_of(GOLDEN, "--ctx", "128", "--lazy")
    expect(lazy["upper_bound"] is True and plan["upper_bound"] is False, lazy)


def a_limit_is_kept_or_refused_with_what_would_fit():
    model = real_model()
    need = plan_of(model, "--ctx", "8192")["total_bytes"]
    least = plan_of(model, "--ctx", "64")["total_bytes"]
    kept = memory_grid.run(TAEL, ["run", model, "--ctx", "8192", "--memory", str(need + (4 << 20)), "Hi",
                                  "--max-tokens", "2"])
    expect(kept.code == 0 and kept.peak <= need + (4 << 20), kept)
    refused = tael("run", model, "--ctx", "8192", "--memory", str((need + least) // 2), "Hi")
    expect(refused.code == 1 and refused.out == "", refused)
    for part in ("--memory (run.memory) allows", "weights", "cache", "What fits: a context of ", "--kv q8_0"):
        expect(part in refused.err, refused)
    chosen = plan_of(model, "--memory", str((need + least) // 2))
    expect(64 <= chosen["context"] < 8192 and chosen["fits"], chosen)
    hopeless = tael("run", model, "--memory", "50M", "Hi")
    expect(hopeless.code == 1 and "No context fits" in hopeless.err, hopeless)


def sizes_that_are_none_are_refused():
    for size in ("", "0", "4X", "-1G", "nan", "1e30", "G", "0x", "5GBB"):
        done = tael("run", GOLDEN, "--memory", size, "Hi")
        expect(done.code == 1 and "is no size" in done.err and "3.5G" in done.err, size, done)


def a_file_that_does_not_fit_the_address_space_is_a_clear_error():
    model = real_model()
    done = memory_grid.run(TAEL, ["run", model, "Hi"],
                           lambda: resource.setrlimit(resource.RLIMIT_AS, (80 << 20, 80 << 20)))
    expect(done.code == 1 and "ulimit -v" in done.err, done)


def results_and_other_choices_are_within_the_limit_too():
    model, prompt = real_model(), "word " * 60
    flags = ["--ctx", "512", "--json", "--max-tokens", "1", "--temperature", "1"]
    for extra in (["--choices", "8", "--prompt-logprobs", "1"], ["--prompt-logprobs", "500"]):
        limit = 100 << 20
        while True:
            done = memory_grid.run(TAEL, ["run", model, prompt, *flags, *extra, "--memory", str(limit)])
            if done.code == 0:
                break
            expect("this run needs" in done.err, done)
            limit += 10 << 20
        expect(done.peak <= limit, f"{extra}: {done.peak} of {limit}")


def a_context_that_memory_makes_smaller_is_announced():
    done = memory_grid.run(TAEL, ["run", real_model(), "Hi", "--max-tokens", "2", "--memory", "140M"])
    expect(done.code == 0 and "the context is" in done.err and "--memory" in done.err, done)


def a_longer_prompt_than_the_context_is_an_error_with_both_numbers():
    done = tael("run", real_model(), "--ctx", "32", "word " * 40)
    expect(done.code == 1 and "32" in done.err and "prompt has" in done.err and "8192" in done.err, done)


def every_product_has_a_plan():
    kernels = tael("bench", GOLDEN, "-p", "2", "-n", "0", "-r", "1", "--no-probes", "--json").json()
    plan = plan_of(GOLDEN, "--products", "--threads", "2")
    matrices = {matrix["name"]: matrix for matrix in plan["matmuls"]}
    for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down", "token_embd"):
        expect(sum(name in found for found in matrices) >= 1, name, list(matrices))
    strips = 0
    for matrix in plan["matmuls"]:
        expect([entry["rows"] for entry in matrix["plans"]] == [1, 4, 16, 256], matrix)
        expect(all(1 <= entry["parts"] <= 2 for entry in matrix["plans"]), matrix)
        strips += matrix["count"] * matrix["bytes"] * (matrix["plans"][0]["source"] == "strips")
    # What the plan reads from strips is what a run interleaves.
    expect(strips == kernels["repacked_bytes"], strips, kernels["repacked_bytes"])
    without = plan_of(GOLDEN, "--products", "--no-repack")["matmuls"]
    expect(all(entry["source"] != "strips" for matrix in without for entry in matrix["plans"]), without)
    decoded = plan_of(GOLDEN, "--products", "--matmul", "float")["matmuls"]
    expect(all(entry["activation_block"] == 0 for matrix in decoded for entry in matrix["plans"]), decoded)
    places = plan_of(GOLDEN, "--numa", "--threads", "3")["numa"]
    expect(len(places["places"]) == 3 and sum(n["workers"] for n in places["nodes"]) == 3, places)
    text = tael("plan", GOLDEN, "--products")
    expect("how its products are computed" in text.out and "int8 in blocks of 256" in text.out, text)
    expect("matmuls" not in plan_of(GOLDEN), plan)


def random_models_under_random_limits_run_or_are_refused():
    grid = memory_grid.Grid(TAEL, "e2e", False)
    grid.all(CONFIGURATIONS)
    expect(not grid.problems, "\n".join(grid.problems))
    expect(sum(grid.counts.values()) == CONFIGURATIONS, grid.counts)


if __name__ == "__main__":
    main([
        the_plan_is_the_peak_of_run_within_two_percent,
        the_plan_is_the_peak_of_bench_with_as_many_slots,
        the_parts_add_up_and_the_cache_is_counted_exactly,
        a_limit_is_kept_or_refused_with_what_would_fit,
        sizes_that_are_none_are_refused,
        a_file_that_does_not_fit_the_address_space_is_a_clear_error,
        results_and_other_choices_are_within_the_limit_too,
        a_context_that_memory_makes_smaller_is_announced,
        a_longer_prompt_than_the_context_is_an_error_with_both_numbers,
        every_product_has_a_plan,
        random_models_under_random_limits_run_or_are_refused,
    ])
