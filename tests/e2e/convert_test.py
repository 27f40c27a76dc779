#!/usr/bin/env python3
"""`tael convert` and `--lora` through the program: round trips, tokenizers, refusals, a full disk."""

import filecmp
import json
import math
import os
import resource
import shutil
import signal
import struct
import subprocess
import time

from harness import GOLDEN, ROOT, TAEL, Home, Skip, expect, main

LLAMA = os.path.join(GOLDEN, "llama3")
SHARED = os.environ.get("TAEL_SHARED") or os.path.join(ROOT, "..", "shared")
TEXTS = ["Hello, world! 1234 it's", "  spaces \n\n\ttabs", "héllo 中文 😀", "<s>[INST] x </s>"]


def lora_golden(name):
    path = os.path.join(SHARED, "goldens/quant/lora", name)
    if not os.path.isdir(path):
        raise Skip("no shared goldens")
    return path


def ids(home, path):
    return [home.tael("tokenize", "--tokenizer", path, text, "--json").json()["ids"] for text in TEXTS]


def listing(folder):
    """Name and content of every file."""
    found = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            found[name] = file.read()
    return found


def small_files(bytes_):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, bytes_))


def there_and_back_gives_the_same_files():
    with Home() as home:
        gguf, back = os.path.join(home.path, "m.gguf"), os.path.join(home.path, "back")
        result = home.tael("convert", LLAMA, gguf)
        expect(result.code == 0 and "m.gguf" in result.out, result)
        again = os.path.join(home.path, "again.gguf")
        home.tael("convert", LLAMA, again)
        expect(filecmp.cmp(gguf, again, shallow=False), "same input, same bytes")
        result = home.tael("convert", gguf, back)
        expect(result.code == 0, result)
        expect(filecmp.cmp(os.path.join(back, "config.json"), os.path.join(LLAMA, "config.json"), False))
        for path in (gguf, back):
            home.copy(os.path.join(LLAMA, "golden.safetensors"), path + "_check/golden.safetensors")
        os.rename(gguf, gguf + "_check/m.gguf")
        expect(home.tael("verify", gguf + "_check").code == 0)


def shards_are_written_and_read():
    with Home() as home:
        gguf, back = os.path.join(home.path, "m.gguf"), os.path.join(home.path, "back")
        result = home.tael("convert", LLAMA, gguf, "--shard-size", "60K")
        expect(result.code == 0 and "m-00001-of-0000" in result.out, result)
        first = result.out.split()[0]
        result = home.tael("convert", first, back, "--shard-size", "60K")
        expect(result.code == 0 and "model.safetensors.index.json" in result.out, result)
        expect(home.tael("inspect", back).code == 0)


def tokenizers_go_along():
    base = lora_golden("base_llama3")
    with Home() as home:
        gguf, back, other = (os.path.join(home.path, name) for name in ("m.gguf", "back", "other"))
        result = home.tael("convert", base, gguf)
        expect(result.code == 0 and "cannot express" not in result.err, result)
        expect(ids(home, gguf) == ids(home, base))
        expect(home.tael("convert", gguf, back).code == 0)
        expect(filecmp.cmp(os.path.join(back, "tokenizer.json"), os.path.join(base, "tokenizer.json"), False))
        # A file of another program: tokenizer.json is made from its keys.
        result = home.tael("convert", os.path.join(base, "model.gguf"), other)
        expect(result.code == 0, result)
        expect(ids(home, other) == ids(home, base))
        answers = [home.tael("run", path, "Hello", "--max-tokens", "8", "--temperature", "0", "--json").json()
                   for path in (base, gguf, back)]
        expect(len({json.dumps(a["ids"]) for a in answers}) == 1, answers)


def what_cannot_be_converted_is_refused_before_anything_is_written():
    with Home() as home:
        there = home.file("there.gguf", "x")
        full = os.path.dirname(home.file("full/x", "x"))
        q8 = os.path.join(GOLDEN, "quant/gguf/pure_Q4_K.gguf")
        new = os.path.join(home.path, "new")
        for arguments, wanted in [
                ((LLAMA, there), "--force"), ((LLAMA, new), "does not end in NAME.gguf"),
                ((LLAMA, new), new + ".gguf"), ((LLAMA, ""), "Hint: model.gguf"),
                ((LLAMA, os.path.join(home.path, ".gguf")), "Hint: model.gguf"),
                ((LLAMA, full), "is a directory"), ((LLAMA, new + ".gguf/"), "is a directory"),
                ((LLAMA, os.path.join(new, "m.gguf")), "its directory does not exist"),
                ((os.path.join(LLAMA, "model.gguf"), there), "becomes a directory"),
                ((os.path.join(LLAMA, "model.gguf"), ""), "becomes a directory"),
                ((os.path.join(LLAMA, "model.gguf"), full), "--force"),
                ((q8, new, "--no-tokenizer"), "--dtype")]:
            result = home.tael("convert", *arguments)
            expect(result.code == 1 and wanted in result.err, arguments, result)
        expect(sorted(os.listdir(home.path)) == ["full", "there.gguf"], os.listdir(home.path))
        result = home.tael("convert", q8, new + ".gguf/", "--no-tokenizer", "--dtype", "f16")
        expect(result.code == 0 and home.tael("inspect", new + ".gguf").code == 0, result)
        result = home.tael("convert", q8, new, "--no-tokenizer", "--dtype", "f16")
        expect(result.code == 0, result)
        tensors = home.tael("inspect", new, "--json").json()["tensors"]
        expect(all(t["dtype"] == "F16" for t in tensors if len(t["shape"]) == 2), tensors)


def packed_forms_keep_their_blocks_or_are_refused():
    folder = os.path.join(SHARED, "goldens/quant/hf")
    if not os.path.isdir(folder):
        raise Skip("no shared goldens")
    with Home() as home:
        gguf, back, plain = (os.path.join(home.path, name) for name in ("m.gguf", "back", "plain"))
        packed = os.path.join(folder, "mxfp4_gpt_oss")
        expect(home.tael("convert", packed, gguf).code == 0)
        types = {t["name"]: t["dtype"] for t in home.tael("inspect", gguf, "--json").json()["tensors"]}
        expect(types["blk.0.ffn_gate_exps.weight"] == "MXFP4", types)
        expect(home.tael("convert", gguf, back).code == 0)
        expect(filecmp.cmp(os.path.join(back, "config.json"), os.path.join(packed, "config.json"), False))
        home.copy(os.path.join(packed, "golden.safetensors"), back + "/golden.safetensors")
        expect(home.tael("verify", back).code == 0)
        # Decoded, the configuration says nothing of blocks any more.
        expect(home.tael("convert", gguf, plain, "--dtype", "f32").code == 0)
        with open(os.path.join(plain, "config.json"), encoding="utf-8") as file:
            expect("quantization_config" not in json.load(file))
        home.copy(os.path.join(packed, "golden.safetensors"), plain + "/golden.safetensors")
        expect(home.tael("verify", plain).code == 0)
        for name, method in [("fp8_block_deepseek_v3", "fp8"), ("gptq_sym_g128", "gptq"), ("awq_gemm_g128", "awq")]:
            result = home.tael("convert", os.path.join(folder, name), os.path.join(home.path, "no.gguf"))
            expect(result.code == 1 and f"'{method}'" in result.err and "Hint" in result.err, name, result)
        expect(not os.path.exists(os.path.join(home.path, "no.gguf")))


def families_that_gguf_does_not_know_are_refused_with_the_reason():
    folder = os.path.join(SHARED, "goldens/pangu-ultra-moe")
    if not os.path.isdir(folder):
        raise Skip("no shared goldens")
    with Home() as home:
        result = home.tael("convert", folder, os.path.join(home.path, "m.gguf"))
        expect(result.code == 1 and "GGUF has no architecture for PanguUltraMoEForCausalLM" in result.err, result)
        expect(os.listdir(home.path) == [], os.listdir(home.path))


def a_full_disk_is_an_error_that_leaves_nothing():
    with Home() as home:
        done = subprocess.run([TAEL, "convert", LLAMA, os.path.join(home.path, "m.gguf")],
                              capture_output=True, env=home.environment(), preexec_fn=small_files(100_000),
                              check=False)
        expect(done.returncode == 1 and b"m.gguf" in done.stderr, done)
        expect(os.listdir(home.path) == [], os.listdir(home.path))


def an_error_leaves_the_directory_as_it_was():
    gguf = os.path.join(LLAMA, "model.gguf")
    with Home() as home:
        new, old = (os.path.join(home.path, name) for name in ("new", "old"))
        expect(home.tael("convert", gguf, old, "--no-tokenizer", "--dtype", "f16").code == 0)
        home.file("old/config.json", b"{}")
        before = listing(old)
        # With shards the first fit, a later one does not.
        for target, shards in [(new, []), (new, ["--shard-size", "20K"]), (old, [])]:
            result = home.tael("convert", gguf, target, "--force", "--no-tokenizer", "--shard-size", "0")
            expect(result.code == 1 and "--shard-size" in result.err, result)
            done = subprocess.run([TAEL, "convert", gguf, target, "--force", "--no-tokenizer", *shards],
                                  capture_output=True, env=home.environment(), check=False,
                                  preexec_fn=small_files(30_000))
            expect(done.returncode == 1 and b"safetensors" in done.stderr, done)
        result = home.tael("convert", LLAMA, os.path.join(home.path, "m.gguf"), "--shard-size", "0")
        expect(result.code == 1 and "--shard-size" in result.err, result)
        expect(listing(old) == before, os.listdir(old))
        expect(os.listdir(home.path) == ["old"], os.listdir(home.path))


def force_replaces_a_directory_whole_or_refuses_it():
    gguf = os.path.join(LLAMA, "model.gguf")
    with Home() as home:
        def convert(target, *arguments):
            return home.tael("convert", gguf, target, "--force", "--no-tokenizer", *arguments)
        one, parts = (os.path.join(home.path, name) for name in ("one", "parts"))
        expect(convert(one).code == 0 and convert(parts, "--shard-size", "60K").code == 0)
        for target, arguments, found in [
                (one, ["--shard-size", "60K"], "model.safetensors"), (parts, [], "model-00001-of-0000"),
                (parts, ["--shard-size", "100K"], "model-00001-of-0000")]:
            before = listing(target)
            result = convert(target, *arguments)
            expect(result.code == 1 and "holds another model" in result.err and found in result.err, result)
            expect(listing(target) == before, os.listdir(target))
        # The same names are replaced, what the old model had besides goes.
        before = listing(one)
        for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json", "notes.txt"):
            home.file("one/" + name, "{}")
        result = convert(one)
        expect(result.code == 0 and "tokenizer.json: removed" in result.err, result)
        expect(listing(one) == before | {"notes.txt": b"{}"}, os.listdir(one))
        expect(convert(parts, "--shard-size", "60K").code == 0)
        # A template or tokenizer of another form would be read with the new model.
        for name in ("chat_template.jinja", "tokenizer.model"):
            path = home.file("one/" + name, "x")
            result = convert(one)
            expect(result.code == 1 and name in result.err, result)
            os.remove(path)


def files_of_the_source_are_not_removed():
    with Home() as home:
        gguf = home.copy(os.path.join(LLAMA, "model.gguf"), "repo/m.gguf")
        repo, link = os.path.dirname(gguf), os.path.join(home.path, "link")
        os.symlink("repo", link)
        for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
            home.file("repo/" + name, "{}")
            before = listing(repo)
            for target in (repo, repo + "/", link, repo + "/../link"):
                result = home.tael("convert", gguf, target, "--force", "--no-tokenizer")
                expect(result.code == 1 and "the source's own directory" in result.err and "Hint" in result.err, result)
                expect(listing(repo) == before, os.listdir(repo))
        # Also where the file has no tokenizer, and by the name of its directory.
        for source, arguments in [(gguf, []), (repo, ["--no-tokenizer"])]:
            result = home.tael("convert", source, repo, "--force", *arguments)
            expect(result.code == 1 and "would be removed" in result.err, result)
            expect(listing(repo) == before, os.listdir(repo))
        for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
            os.remove(os.path.join(repo, name))
        expect(home.tael("convert", gguf, repo, "--force", "--no-tokenizer").code == 0)
        expect(sorted(os.listdir(repo)) == ["config.json", "m.gguf", "model.safetensors"], os.listdir(repo))


def parts_of_a_gguf_file_are_not_replaced_silently():
    with Home() as home:
        def convert(*arguments):
            return home.tael("convert", LLAMA, os.path.join(home.path, "m.gguf"), *arguments)
        expect(convert("--shard-size", "60K").code == 0)
        home.file("m-00001-of-00001.txt", "x")
        home.file("mm-00001-of-00002.gguf", "x")
        before = listing(home.path)
        result = convert("--shard-size", "60K")
        expect(result.code == 1 and "m-00001-of-0000" in result.err and "--force" in result.err, result)
        for arguments in ([], ["--force"], ["--force", "--shard-size", "100K"]):
            result = convert(*arguments)
            expect(result.code == 1 and "would stay" in result.err, arguments, result)
        expect(listing(home.path) == before, os.listdir(home.path))
        expect(convert("--shard-size", "60K", "--force").code == 0)
        expect(listing(home.path) == before, os.listdir(home.path))


def traced(home, command, *injections):
    """The command with failures or signals put into its system calls."""
    if shutil.which("strace") is None:
        raise Skip("no strace")
    inject = [word for injection in injections for word in ("-e", "inject=" + injection)]
    done = subprocess.run(["strace", "-f", "-o", "/dev/null", "-e", "trace=rename,unlink,unlinkat,fsync", *inject,
                           TAEL, *command], capture_output=True, env=home.environment(), check=False)
    if b"ptrace" in done.stderr.lower():
        raise Skip("strace may not trace")
    return done


def who_is_killed_while_files_are_replaced_leaves_no_mixture():
    """SIGKILL at every rename and removal in turn: the old model, the new one, or a refusal by name."""
    gguf = os.path.join(LLAMA, "model.gguf")

    def outcomes(command, target, open_path, base, *injections):
        """What is at the target after a kill at the first, second, ... step."""
        seen = []
        for step in range(1, 40):
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(base, target)
            done = traced(home, command, f"rename,unlink,unlinkat:signal=KILL:when={step}", *injections)
            shown = home.tael("inspect", open_path, "--json")
            if shown.code == 0:
                seen.append(json.dumps(shown.json()["tensors"]))
            else:
                expect("its writer was killed" in shown.err, step, shown)
                seen.append(None)
            if done.returncode in (0, 1):
                return seen
        raise AssertionError("never complete")

    with Home() as home:
        def tensors(path):
            return json.dumps(home.tael("inspect", path, "--json").json()["tensors"])

        def path(name):
            return os.path.join(home.path, name)
        # The new model has other types, and one file less.
        expect(home.tael("convert", gguf, path("base"), "--dtype", "f16").code == 0)
        home.file("base/generation_config.json", "{}")
        old = tensors(path("base"))
        seen = outcomes(["convert", gguf, path("dir"), "--force", "--no-tokenizer", "--dtype", "bf16"], path("dir"),
                        path("dir"), path("base"))
        new = tensors(path("dir"))
        expect(old != new and set(seen) == {old, new, None}, seen)
        expect(seen.index(new) > seen.index(None) and seen[-1] == new, seen)
        expect(not os.path.exists(path("dir/generation_config.json")))

        def part(name):
            return [path(name + "/" + file) for file in sorted(os.listdir(path(name)))][0]
        source = ["convert", LLAMA]
        os.mkdir(path("parts"))
        expect(home.tael(*source, path("parts/m.gguf"), "--shard-size", "60K", "--dtype", "f16").code == 0)
        old = tensors(part("parts"))
        command = source + [path("set/m.gguf"), "--force", "--shard-size", "60K", "--dtype", "bf16"]
        first = part("parts").replace("/parts/", "/set/")
        seen = outcomes(command, path("set"), first, path("parts"))
        new = tensors(part("set"))
        expect(old != new and set(seen) == {old, new, None}, seen)
        # Opened by its directory.
        seen = outcomes(command, path("set"), path("set"), path("parts"))
        expect(set(seen) == {old, new, None}, seen)
        # While it is taken back, because the last name could not be made durable: one fsync for every
        # file and every name, and one when the entry is away.
        last = 2 * len(os.listdir(path("parts"))) + 1
        seen = outcomes(command, path("set"), first, path("parts"), f"fsync:error=EIO:when={last}")
        expect({old, None} <= set(seen) <= {old, new, None} and seen[-1] == old, seen)


def what_the_disk_does_not_keep_is_taken_back():
    """An error at every fsync in turn."""
    with Home() as home:
        def path(name):
            return os.path.join(home.path, name)
        os.mkdir(path("old"))
        expect(home.tael("convert", LLAMA, path("old/m.gguf"), "--shard-size", "60K", "--dtype", "f16").code == 0)
        parts = len(os.listdir(path("old")))
        before = listing(path("old"))
        command = ["convert", LLAMA, path("new/m.gguf"), "--force", "--shard-size", "60K", "--dtype", "bf16"]
        for call in range(1, 2 * parts + 2):
            shutil.rmtree(path("new"), ignore_errors=True)
            shutil.copytree(path("old"), path("new"))
            done = traced(home, command, f"fsync:error=EIO:when={call}")
            expect(done.returncode == 1 and b"Input/output error" in done.stderr, call, done)
            expect(listing(path("new")) == before, call, os.listdir(path("new")))
        expect(traced(home, command).returncode == 0 and listing(path("new")) != before)


def a_signal_ends_a_conversion_without_a_trace():
    config = {"architectures": ["LlamaForCausalLM"], "hidden_size": 512, "vocab_size": 200_000,
              "max_position_embeddings": 64, "rms_norm_eps": 1e-6, "num_hidden_layers": 1, "num_attention_heads": 8,
              "intermediate_size": 512, "tie_word_embeddings": True, "rope_theta": 10000}
    layer = "model.layers.0."
    shapes = {"model.embed_tokens.weight": [200_000, 512], "model.norm.weight": [512],
              layer + "input_layernorm.weight": [512], layer + "post_attention_layernorm.weight": [512]}
    for name in ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj",
                 "mlp.up_proj", "mlp.down_proj"):
        shapes[layer + name + ".weight"] = [512, 512]
    header, end = {}, 0
    for name, shape in shapes.items():
        begin, end = end, end + 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    with Home() as home:
        home.file("source/config.json", json.dumps(config))
        weights = home.file("source/model.safetensors", struct.pack("<Q", len(text)) + text)
        os.truncate(weights, 8 + len(text) + end)  # zeros that take no space
        source, gguf, back = (os.path.join(home.path, name) for name in ("source", "m.gguf", "new/back"))
        expect(home.tael("convert", source, os.path.join(home.path, "kept.gguf"), "--no-tokenizer").code == 0)
        before = sorted(os.listdir(home.path))
        for number, code, arguments in [(signal.SIGINT, 130, [source, gguf]), (signal.SIGTERM, 143, [source, gguf]),
                                        (signal.SIGHUP, 129, [source, gguf]),
                                        (signal.SIGTERM, 143, [os.path.join(home.path, "kept.gguf"), back])]:
            with subprocess.Popen([TAEL, "convert", *arguments, "--no-tokenizer", "--dtype", "bf16"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=home.environment()) as process:
                folder = back if arguments[1] == back else home.path
                while process.poll() is None:
                    if os.path.isdir(folder) and any(".part-" in name for name in os.listdir(folder)):
                        break
                    time.sleep(0.001)
                process.send_signal(number)
                out, err = process.communicate(timeout=60)
                expect(process.returncode == code and out == b"" and b"error" not in err, process.returncode, out, err)
            expect(sorted(os.listdir(home.path)) == before, os.listdir(home.path))
        # As under nohup: what the caller ignores stays ignored.
        with subprocess.Popen([TAEL, "convert", source, gguf, "--no-tokenizer", "--dtype", "bf16"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=home.environment(),
                              preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as process:
            while process.poll() is None and not any(".part-" in name for name in os.listdir(home.path)):
                time.sleep(0.001)
            process.send_signal(signal.SIGHUP)
            out, err = process.communicate(timeout=60)
            expect(process.returncode == 0 and b"m.gguf" in out, process.returncode, out, err)


def adapters_change_the_answer_and_are_named_in_it():
    base, adapter = lora_golden("base_llama3"), lora_golden("llama3_r8_rslora")
    with Home() as home:
        def run(*arguments):
            return home.tael("run", base, "Hello", "--max-tokens", "8", "--temperature", "0", "--json", *arguments)
        plain, adapted = run().json(), run("--lora", adapter).json()
        expect(plain["ids"] != adapted["ids"] and "adapters" not in plain, plain, adapted)
        (named,) = adapted["adapters"]
        expect(named["name"] == "llama3_r8_rslora" and named["weight"] == 1.0, adapted)
        expect(named["fingerprint"].startswith("xxh3-sha256:"), adapted)
        expect(run("--lora", adapter + "=0").json()["ids"] == plain["ids"])
        expect(run("--lora", adapter, "--lora", adapter).code == 1)
        expect("loaded" in run("--lora", adapter, "--lora", adapter).err)
        other = home.tael("run", lora_golden("base_qwen3"), "x", "--lora", adapter)
        expect(other.code == 1 and "trained on" in other.err, other)
        plan = home.tael("plan", base, "--lora", adapter, "--json").json()
        expect(plan["parts"]["adapters"] > 0, plan)
        shown = home.tael("inspect", adapter, "--json").json()
        expect(shown["adapter"] == "lora" and shown["modules"], shown)


if __name__ == "__main__":
    main([there_and_back_gives_the_same_files, shards_are_written_and_read, tokenizers_go_along,
          what_cannot_be_converted_is_refused_before_anything_is_written,
          packed_forms_keep_their_blocks_or_are_refused,
          families_that_gguf_does_not_know_are_refused_with_the_reason,
          a_full_disk_is_an_error_that_leaves_nothing, an_error_leaves_the_directory_as_it_was,
          force_replaces_a_directory_whole_or_refuses_it, files_of_the_source_are_not_removed,
          parts_of_a_gguf_file_are_not_replaced_silently,
          who_is_killed_while_files_are_replaced_leaves_no_mixture,
          what_the_disk_does_not_keep_is_taken_back,
          a_signal_ends_a_conversion_without_a_trace, adapters_change_the_answer_and_are_named_in_it])
