#!/usr/bin/env python3
"""`tael verify`: exit codes, rows, lay-outs it has never seen, and that it can fail."""

import gzip
import json
import os
import shutil
import struct

from harness import GOLDEN, Home, expect, main

LLAMA = os.path.join(GOLDEN, "llama3")
QUANT = os.path.join(GOLDEN, "quant")


def verify(home, *arguments):
    result = home.tael("verify", "--json", *arguments, timeout=300)
    return result.code, result.json()["results"] if result.out else [], result


def flip_a_value(path, tensor, byte):
    """Changes the most significant byte of one element of a safetensors file."""
    with open(path, "rb") as file:
        data = bytearray(file.read())
    size = struct.unpack("<Q", data[:8])[0]
    begin = json.loads(data[8:8 + size])[tensor]["data_offsets"][0]
    data[8 + size + begin + byte] ^= 0x40
    with open(path, "wb") as file:
        file.write(data)


def committed_goldens_pass():
    with Home() as home:
        code, rows, result = verify(home, LLAMA, os.path.join(QUANT, "dequant"))
        expect(code == 0, result)
        expect({r["kind"] for r in rows} >= {"family", "gguf", "dequant"}, rows)
        for row in rows:
            expect(row["status"] == "pass" and row["error"] <= row["tolerance"], row)
            expect(set(row) >= {"name", "path", "kind", "status", "error", "tolerance"}, row)
        table = home.tael("verify", LLAMA)
        expect(table.code == 0 and "2 passed, 0 failed, 0 unsupported" in table.out, table)


def both_paths_of_block_formats_are_checked():
    with Home() as home:
        path = os.path.join(QUANT, "gguf", "pure_Q4_K.gguf")
        code, rows, result = verify(home, path)
        expect(code == 0 and sorted(r["tolerance"] for r in rows) == [1e-9, 3e-3], result)
        expect(len(verify(home, path, "--matmul", "float")[1]) == 1)


def nothing_found_and_missing_paths_fail():
    with Home() as home:
        os.makedirs(os.path.join(home.path, "empty"))
        code, rows, result = verify(home, os.path.join(home.path, "empty"))
        expect(code == 1 and rows == [] and "no golden" in result.err, result)
        expect(verify(home, home.path + "/none")[0] == 1)
        expect(home.tael("verify").code == 2)


def nested_and_linked_folders_are_followed_once():
    with Home() as home:
        shutil.copytree(LLAMA, os.path.join(home.path, "a/b/c d"))
        os.symlink(os.path.join(home.path, "a"), os.path.join(home.path, "a/b/loop"))
        os.symlink(LLAMA, os.path.join(home.path, "a/linked"))
        home.file("a/b/README.md", "notes")
        home.file("a/b/tools/make.py", "script")
        code, rows, result = verify(home, os.path.join(home.path, "a"))
        expect(code == 0 and len(rows) == 4, result)


def a_wrong_weight_config_or_golden_fails():
    with Home() as home:
        copy = os.path.join(home.path, "m")
        shutil.copytree(LLAMA, copy)
        os.remove(os.path.join(copy, "model.gguf"))
        for tensor in ("logits_1", "hidden_1", "greedy_ids_1"):
            shutil.copy(os.path.join(LLAMA, "golden.safetensors"), copy)
            flip_a_value(os.path.join(copy, "golden.safetensors"), tensor, 3 if tensor[0] != "g" else 0)
            code, rows, result = verify(home, copy)
            expect(code == 1 and rows[0]["status"] == "fail", tensor, result)
        shutil.copy(os.path.join(LLAMA, "golden.safetensors"), copy)
        with open(os.path.join(copy, "config.json"), encoding="utf-8") as file:
            config = json.load(file)
        for change in ({"rms_norm_eps": 0.1}, {"rope_theta": 77.0}):
            home.file("m/config.json", json.dumps({**config, **change}))
            expect(verify(home, copy)[1][0]["status"] == "fail", change)
        home.file("m/config.json", json.dumps({**config, "architectures": ["NewForCausalLM"]}))
        code, rows, result = verify(home, copy)
        expect(code == 1 and rows[0]["status"] == "unsupported", result)


def unusable_goldens_fail_instead_of_vanishing():
    with Home() as home:
        for name in ("f/golden.safetensors", "g/x.golden.safetensors", "h/reference.json", "t/goldens.jsonl",
                     "k/goldens/some.jsonl.gz", "dequant/Q9_9.safetensors", "quantize/Q4_0.safetensors"):
            home.file("all/" + name, b"\x00garbage")
        code, rows, result = verify(home, os.path.join(home.path, "all"))
        expect(code == 1 and len(rows) == 7, result)
        expect(all(r["status"] == "fail" for r in rows), rows)


def a_dequantisation_error_of_one_bit_fails():
    with Home() as home:
        path = home.copy(os.path.join(QUANT, "dequant", "Q4_K.safetensors"), "dequant/Q4_K.safetensors")
        expect(verify(home, path)[0] == 0)
        expect(verify(home, os.path.dirname(path) + "/")[0] == 0, "a slash at the end")
        flip_a_value(path, "values", 2)
        code, rows, _ = verify(home, path)
        expect(code == 1 and rows[0]["status"] == "fail", rows)


def tokenizer_and_template_goldens_are_looked_up():
    with Home() as home:
        source = os.path.join(QUANT, "gguf", "tokenizer.json")
        home.copy(source, "assets/deep/down/toy.tokenizer.json")
        home.file("set/corpus.jsonl.gz", gzip.compress(b'{"i": 4, "c": "x", "t": "ab"}\n'))
        with open(source, encoding="utf-8") as file:
            vocabulary = json.load(file)["model"]["vocab"]
        ids = home.tael("tokenize", "--tokenizer", source, "ab", "--json").json()["ids"]
        expect(all(i in vocabulary.values() for i in ids), ids)
        golden = os.path.join(home.path, "set/goldens/toy.jsonl.gz")
        home.file("set/goldens/toy.jsonl.gz", gzip.compress(json.dumps([4, ids]).encode() + b"\n"))
        folder, assets = os.path.join(home.path, "set"), os.path.join(home.path, "assets")
        expect(verify(home, folder)[0] == 1)
        code, rows, result = verify(home, folder, "--assets", assets)
        expect(code == 0 and rows[0]["kind"] == "tokenizer", result)
        expect(verify(home, golden, "--assets", assets)[0] == 0)
        home.file("set/goldens/toy.jsonl.gz", gzip.compress(b"[4, [1, 2, 3]]\n"))
        expect(verify(home, folder, "--assets", assets)[1][0]["status"] == "fail")

        home.file("chat/t.jinja", "{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}")
        home.file("chat/templates.json", json.dumps({"t": {"file": "t.jinja", "bos_token": "<s>", "eos_token": ""}}))
        home.file("chat/cases.json", json.dumps([{"name": "c", "tools": None, "extra": {},
                                                  "messages": [{"role": "user", "content": "hi"}]}]))
        for line, status in [({"out": "<s>hi"}, "pass"), ({"out": "hi"}, "fail"), ({"error": "x"}, "fail"),
                             ({"error": "x", "out_mutable_sandbox": "<s>hi"}, "pass")]:
            home.file("chat/goldens.jsonl", json.dumps({"template": "t", "case": "c", **line}))
            rows = verify(home, os.path.join(home.path, "chat"))[1]
            expect([r["status"] for r in rows] == [status], line, rows)


def a_reference_without_its_model_says_how_to_get_it():
    with Home() as home:
        home.file("r/reference.json", json.dumps({"model": {"file": "x.gguf", "sha256": "00" * 32, "bytes": 5}}))
        code, rows, _ = verify(home, os.path.join(home.path, "r"))
        expect(code == 1 and rows[0]["status"] == "fail" and "--assets" in rows[0]["detail"], rows)


def files_of_one_golden_in_other_containers_share_it():
    with Home() as home:
        source = os.path.join(QUANT, "gguf")
        home.copy(os.path.join(source, "pure_Q8_0.gguf"), "v/first.gguf")
        home.copy(os.path.join(source, "pure_Q8_0.gguf"), "v/second.gguf")
        home.copy(os.path.join(source, "pure_Q8_0.golden.safetensors"), "v/first.golden.safetensors")
        home.file("v/foreign.gguf", b"GGUF\x00\x00\x00\x03" + bytes(64))
        code, rows, result = verify(home, os.path.join(home.path, "v"), "--matmul", "float")
        expect(code == 0 and [r["name"] for r in rows] == ["first.gguf", "second.gguf"], result)


def the_hash_grid_has_one_hash_per_mode():
    with Home() as home:
        hashes = {}
        for matmul, cache in [("integer", "f16"), ("integer", "q8_0"), ("float", "q8_0")]:
            result = home.tael("verify", "--hash-grid", LLAMA, "--grid-cells", "corner-pairs", "--grid-tables", "best",
                               "--matmul", matmul, "--kv", cache, "--json", timeout=300)
            found = result.json()
            expect(result.code == 0 and len(found["hashes"]) == 1, result)
            expect((found["matmul"], found["kv"].lower()) == (matmul, cache), found)
            hashes[matmul, cache] = found["hashes"][0]
        # The model is BF16: both products are the float one, and only the cache tells modes apart.
        expect(hashes["integer", "q8_0"] == hashes["float", "q8_0"] != hashes["integer", "f16"], hashes)
        small_heads = home.tael("verify", "--hash-grid", os.path.join(GOLDEN, "mistral"), "--kv", "q8_0")
        expect(small_heads.code == 1 and "head_dim 16" in small_heads.err and "--kv f16" in small_heads.err, small_heads)
        plain = home.tael("verify", "--hash-grid", LLAMA, "--mla", "expanded")
        expect(plain.code == 1 and "latent attention" in plain.err, plain)


def options_without_effect_are_refused():
    with Home() as home:
        grid = ["--hash-grid", LLAMA]
        for arguments, part in [(grid + ["--threads", "2"], "--threads"), (grid + ["--assets", QUANT], "--assets"),
                                (grid + ["--matmul", "both"], "--matmul"), (grid + [QUANT], "paths"),
                                ([LLAMA, "--kv", "f16"], "--kv"), ([LLAMA, "--mla", "absorbed"], "--mla"),
                                ([LLAMA, "--grid-cells", "all"], "--grid-cells"),
                                ([LLAMA, "--grid-tables", "best"], "--grid-tables")]:
            result = home.tael("verify", *arguments)
            expect(result.code == 2 and part in result.err and not result.out, arguments, result)


main([committed_goldens_pass, both_paths_of_block_formats_are_checked, nothing_found_and_missing_paths_fail,
      nested_and_linked_folders_are_followed_once, a_wrong_weight_config_or_golden_fails,
      unusable_goldens_fail_instead_of_vanishing, a_dequantisation_error_of_one_bit_fails,
      tokenizer_and_template_goldens_are_looked_up, a_reference_without_its_model_says_how_to_get_it,
      files_of_one_golden_in_other_containers_share_it, the_hash_grid_has_one_hash_per_mode,
      options_without_effect_are_refused])
