#!/usr/bin/env python3
"""Models with two lists of divisors of rope (longrope): which one counts, who says so, both containers."""

import os
import shutil

from harness import GOLDEN, Home, expect, main, tael

PHI3 = os.path.join(GOLDEN, "phi3-longrope")
UNUSED = {"above": 64, "longest": 512, "in_use": False}
USED = {**UNUSED, "in_use": True}
HINT = "a --ctx from 65 to 512"


def inspect_and_plan_name_both_lists_and_the_one_in_use():
    found = tael("inspect", PHI3, "--json").json()["spec"]
    rope = found["layers"][0]["attention"]["rope"]
    expect(found["long_context"] == UNUSED and found["max_context"] == 64, found)
    expect(len(rope["divisors"]) == len(rope["long_divisors"]) == 6 and rope["divisors"] != rope["long_divisors"], rope)
    expect(f"{HINT} chooses the second, for all texts. In use: the first" in tael("inspect", PHI3).out)
    for more, in_use, context in (([], UNUSED, 64), (["--ctx", "64"], UNUSED, 64), (["--ctx", "65"], USED, 512)):
        plan = tael("plan", PHI3, "--json", *more).json()
        expect(plan["long_context"] == in_use and plan["model_context"] == context, more, plan)
    expect("In use: the second" in tael("plan", PHI3, "--ctx", "100").out)
    beyond = tael("plan", PHI3, "--ctx", "513")
    expect(beyond.code == 1 and "was trained for 512 positions" in beyond.err, beyond)


def a_context_that_is_too_small_hints_at_the_option():
    bench = ["bench", PHI3, "-p", "70", "-n", "0", "-r", "1", "--no-probes", "--json"]
    refused = tael(*bench)
    expect(refused.code == 1 and HINT in refused.err, refused)
    longer = tael(*bench, "--ctx", "100")
    expect(longer.code == 0 and longer.json()["long_context"] == USED, longer)


def a_gguf_file_has_both_lists():
    with Home() as home:
        model = os.path.join(home.path, "m", "model.gguf")
        home.copy(os.path.join(PHI3, "golden.safetensors"), "m/golden.safetensors")
        expect(home.tael("convert", PHI3, model).code == 0)
        rows = home.tael("verify", os.path.dirname(model), "--json").json()["results"]
        expect(len(rows) == 1 and rows[0]["status"] == "pass", rows)
        plan = home.tael("plan", model, "--ctx", "200", "--json").json()
        expect(plan["long_context"] == USED, plan)
        back = os.path.join(home.path, "back")
        expect(home.tael("convert", model, back).code == 0)
        shutil.copy(os.path.join(PHI3, "golden.safetensors"), back)
        rows = home.tael("verify", back, "--json").json()["results"]
        expect(len(rows) == 1 and rows[0]["status"] == "pass", rows)


if __name__ == "__main__":
    main([inspect_and_plan_name_both_lists_and_the_one_in_use, a_context_that_is_too_small_hints_at_the_option,
          a_gguf_file_has_both_lists])
