#!/usr/bin/env python3
"""Packed weights on the disk: the same answers with and without, and what goes wrong is said."""

import json
import os
import subprocess

from harness import GOLDEN, TAEL, Home, Skip, expect, main

MODEL = os.path.join(GOLDEN, "quant", "gguf", "pure_Q4_K.gguf")
ALWAYS = ["--set", "cache.weights=always", "--set", "cache.keep_free=1"]
BENCH = ["-p", "4", "-n", "0", "-r", "1", "--no-probes", "--json"]


def packed(home, *arguments, **options):
    result = home.tael("bench", MODEL, *BENCH, *arguments, **options)
    expect(result.code == 0, result)
    found = result.json()
    expect(found["load_seconds"] > 0 and found["large_page_bytes"] >= 0, found)
    return found["packed"], result.err


def packs(home):
    return packed(home, "--no-weight-cache")[0] is not None


def kept(home):
    found = home.tael("cache", "--json")
    expect(found.code == 0, found)
    return found.json()


def the_second_start_uses_what_the_first_kept():
    with Home() as home:
        if not packs(home):
            return
        first, said = packed(home, *ALWAYS)
        expect(first["from"] == "new file" and first["file"] in said, first, said)
        expect(first["disk_bytes"] > first["resident_bytes"] > 0, first)
        expect(os.path.dirname(first["file"]) == os.path.join(home.path, ".cache/tael/weights"), first)
        second, said = packed(home, *ALWAYS)
        expect(second["from"] == "file" and second["file"] == first["file"] and not said, second, said)
        shown = home.tael("plan", MODEL, *ALWAYS).out
        expect(f"mapped from {first['file']}" in shown, shown)
        off, _ = packed(home, *ALWAYS, "--no-weight-cache")
        expect(off["from"] == "copy" and off["file"] is None and off["disk_bytes"] == 0, off)


def small_models_are_copied():
    with Home() as home:
        if not packs(home):
            return
        found, said = packed(home)
        expect(found["from"] == "copy" and not said, found, said)
        expect("a copy is made as quickly" in home.tael("plan", MODEL).out)
        expect(kept(home)["files"] == [], kept(home))


def answers_are_equal_with_a_file_a_copy_and_rows_of_the_file():
    model = os.environ.get("TAEL_MODEL_SMOLLM2", "")
    if not os.path.exists(model):
        raise Skip("TAEL_MODEL_SMOLLM2 does not name the quick-start model")
    with Home() as home:
        found = []
        for arguments in (ALWAYS, ALWAYS, ["--no-weight-cache"], ["--no-repack"]):
            result = home.tael("run", model, "The capital of France is", "--max-tokens", "12", "--json",
                               "--logprobs", "5", *arguments)
            expect(result.code == 0, result)
            answer = result.json()
            found.append((answer["packed"] and answer["packed"]["from"], answer["ids"], answer["logprobs"]))
        if found[0][0] is not None:
            expect([one[0] for one in found] == ["new file", "file", "copy", None], found)
        expect(all(one[1:] == found[0][1:] for one in found), found)


def a_damaged_file_is_written_anew():
    with Home() as home:
        if not packs(home):
            return
        first, _ = packed(home, *ALWAYS)
        with open(first["file"], "r+b") as file:
            file.seek(-100, os.SEEK_END)
            byte = file.read(1)[0]
            file.seek(-100, os.SEEK_END)
            file.write(bytes([byte ^ 1]))
        again, said = packed(home, *ALWAYS)
        expect(again["from"] == "new file" and "is damaged" in said and first["file"] in said, again, said)
        expect(packed(home, *ALWAYS)[0]["from"] == "file")


def a_full_disk_and_a_folder_without_rights_leave_a_copy():
    with Home() as home:
        if not packs(home):
            return
        found, said = packed(home, *ALWAYS[:2], "--set", "cache.keep_free=100000T")
        expect(found["from"] == "copy" and "stay free" in said and "--no-weight-cache" in said, found, said)
        found, said = packed(home, *ALWAYS, "--set", "cache.most=1")
        expect(found["from"] == "copy" and "cache.most" in said, found, said)
        home.file("occupied", "no folder")
        found, said = packed(home, *ALWAYS, "--set", f"cache.directory={home.path}/occupied/x")
        expect(found["from"] == "copy" and "not kept" in said, found, said)
        if os.geteuid() != 0:
            os.makedirs(home.path + "/closed", mode=0o500)
            found, said = packed(home, *ALWAYS, "--set", f"cache.directory={home.path}/closed")
            expect(found["from"] == "copy" and "not kept" in said, found, said)
        # A limit on file sizes is no reason to end.
        limited = subprocess.run(["bash", "-c", 'ulimit -f 1; exec "$@"', "-", TAEL, "bench", MODEL, *BENCH,
                                  *ALWAYS], capture_output=True, env=home.environment(), check=False)
        expect(limited.returncode == 0, limited)
        expect(json.loads(limited.stdout)["packed"]["from"] == "copy", limited)
        expect(kept(home)["files"] == [], kept(home))


def processes_that_start_together_both_answer():
    with Home() as home:
        if not packs(home):
            return
        command = [TAEL, "bench", MODEL, *BENCH, *ALWAYS]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                    env=home.environment()) for _ in range(4)]
        found = []
        for process in running:
            out, err = process.communicate(timeout=120)
            expect(process.returncode == 0, err)
            found.append(json.loads(out)["packed"]["from"])
        expect("new file" in found, found)
        expect(packed(home, *ALWAYS)[0]["from"] == "file")
        expect(len(kept(home)["files"]) == 1, kept(home))


def cache_lists_and_clears():
    with Home() as home:
        if not packs(home):
            return
        first, _ = packed(home, *ALWAYS)
        listed = kept(home)
        expect([one["path"] for one in listed["files"]] == [first["file"]], listed)
        expect(listed["files"][0]["model"] == MODEL and listed["files"][0]["model_exists"], listed)
        expect(os.path.basename(first["file"]) in home.tael("cache").out)
        cleared = home.tael("cache", "--clear")
        expect(cleared.code == 0 and "removed 1 file" in cleared.err, cleared)
        expect(kept(home)["files"] == [] and not os.path.exists(first["file"]))


main([the_second_start_uses_what_the_first_kept, small_models_are_copied,
      answers_are_equal_with_a_file_a_copy_and_rows_of_the_file, a_damaged_file_is_written_anew,
      a_full_disk_and_a_folder_without_rights_leave_a_copy, processes_that_start_together_both_answer,
      cache_lists_and_clears])
