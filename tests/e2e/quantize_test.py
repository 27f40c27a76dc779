#!/usr/bin/env python3
"""`tael quantize` and `tael imatrix` through the program: recipes, rules, sources, refusals."""

import filecmp
import json
import os
import struct

from harness import GOLDEN, ROOT, Home, Skip, expect, main

LLAMA = os.path.join(GOLDEN, "llama3")
SHARED = os.environ.get("TAEL_SHARED") or os.path.join(ROOT, "..", "shared")


def shared(name):
    path = os.path.join(SHARED, "goldens", name)
    if not os.path.exists(path):
        raise Skip("no shared goldens")
    return path


def types(home, path):
    """Type of every tensor."""
    return {tensor["name"]: tensor["dtype"] for tensor in home.tael("inspect", path, "--json").json()["tensors"]}


def kl(home, base, model, text):
    result = home.tael("eval", "compare", base, model, text, "--matmul", "float", "--json")
    expect(result.code == 0, result)
    return result.json()["kl"]["value"]


def logits_alone(source, target):
    """A golden without the decoded rows, whose tensors have other names in GGUF files."""
    with open(source, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        header, data = json.loads(file.read(size)), file.read()
    kept, out = {}, b""
    for name in ("input_ids", "logits", "greedy"):
        begin, end = header[name]["data_offsets"]
        kept[name] = {**header[name], "data_offsets": [len(out), len(out) + end - begin]}
        out += data[begin:end]
    text = json.dumps(kept).encode()
    with open(target, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + out)


def text_of(home):
    return home.file("text.txt", "The cat sat on the mat, and the dog looked at it. " * 40)


def recipes_give_the_types_that_they_gave_elsewhere():
    source = shared("quant/gguf/variants/v3.gguf")
    with Home() as home:
        for recipe in ("Q8_0", "Q4_0", "Q5_1", "IQ4_NL"):
            out = os.path.join(home.path, recipe + ".gguf")
            result = home.tael("quantize", source, out, "--type", recipe.lower())
            expect(result.code == 0 and "bits per weight" in result.out, result)
            found = set(types(home, out).values())
            expect(recipe in found and found <= {recipe, "F32", "Q6_K", "Q8_0"}, recipe, found)


def the_same_bytes_whatever_the_threads_and_from_either_container():
    with Home() as home:
        gguf = os.path.join(home.path, "plain.gguf")
        expect(home.tael("convert", LLAMA, gguf).code == 0)
        outs = [os.path.join(home.path, name) for name in ("a.gguf", "b.gguf", "c.gguf")]
        for source, out, threads in ((LLAMA, outs[0], "1"), (LLAMA, outs[1], "3"), (gguf, outs[2], "2")):
            result = home.tael("quantize", source, out, "--type", "Q4_K_M", "--threads", threads)
            expect(result.code == 0, result)
        expect(filecmp.cmp(outs[0], outs[1], shallow=False), "threads change no byte")
        expect(types(home, outs[0]) == types(home, outs[2]))
        expect(home.tael("run", outs[0], "Hello", "--max-tokens", "4").code in (0, 1))


def llama2c_files_become_gguf():
    folder = os.path.join(SHARED, "assets", "models", "stories260K")
    if not os.path.exists(folder):
        raise Skip("no shared assets")
    source = os.path.join(folder, "stories260K.bin")
    with open(os.path.join(folder, "golden_greedy.json"), encoding="utf-8") as file:
        golden = json.load(file)["prompts"][0]
    with Home() as home:
        plain, small = os.path.join(home.path, "plain.gguf"), os.path.join(home.path, "small.gguf")
        expect(home.tael("convert", source, plain).code == 0)
        result = home.tael("run", plain, golden["prompt"], "--max-tokens", "40", "--temperature", "0", "--matmul", "float")
        expect(result.code == 0 and len(result.out) > 60, result)
        expect(golden["text"].startswith(golden["prompt"] + result.out.rstrip("\n")), result.out, golden["text"])
        result = home.tael("quantize", source, small, "--type", "Q8_0")
        expect(result.code == 0 and "Q8_0" in types(home, small).values(), result)
        text = home.file("text.txt", golden["text"])
        expect(kl(home, source, plain, text) == 0, "the same network")
        expect(0 < kl(home, source, small, text) < 0.001)
        result = home.tael("convert", source, os.path.join(home.path, "directory"))
        expect(result.code != 0 and "llama2.c's arrays" in result.err, result)


def packed_checkpoints_are_decoded_and_quantised_anew():
    for name in ("ct_fp8_block", "ct_int4_sym_g128", "gptq_asym_actorder_g32", "awq_gemm_g128",
                 "fp8_block_deepseek_v3", "ct_nvfp4", "mxfp4_gpt_oss"):
        source = shared("quant/hf/" + name)
        with Home() as home:
            out = os.path.join(home.path, "check", "m.gguf")
            os.makedirs(os.path.dirname(out))
            result = home.tael("quantize", source, out, "--type", "f32", "--no-tokenizer")
            expect(result.code == 0, name, result)
            logits_alone(os.path.join(source, "golden.safetensors"), home.file("check/golden.safetensors"))
            result = home.tael("verify", os.path.dirname(out))
            expect(result.code == 0 and "pass" in result.out, name, result)
            result = home.tael("quantize", source, out, "--type", "Q8_0", "--no-tokenizer", "--force")
            expect(result.code == 0 and "Q8_0" in types(home, out).values(), name, result)


def the_published_form_of_deepseek_v4_is_quantised_whole():
    with Home() as home:
        out = os.path.join(home.path, "m.gguf")
        result = home.tael("quantize", os.path.join(GOLDEN, "deepseek-v4-published"), out, "--type", "Q8_0", "--no-tokenizer")
        expect(result.code == 0, result)
        found = types(home, out)
        expect(found["blk.0.ffn_gate_exps.weight"] == "Q8_0" and found["blk.0.attn_kv.weight"] == "Q8_0", found)


def rules_decide_before_recipes_and_mistakes_are_named():
    with Home() as home:
        out = os.path.join(home.path, "m.gguf")

        def fails(*arguments, source=LLAMA):
            result = home.tael("quantize", source, out, *arguments)
            expect(result.code == 1 and not os.path.exists(out), result)
            return result.err

        result = home.tael("quantize", LLAMA, out, "--type", "Q8_0", "--rule", "attn_(q|k)=F16",
                           "--rule", r"blk\.0\.=BF16")
        expect(result.code == 0, result)
        found = types(home, out)
        expect(found["blk.1.attn_q.weight"] == "F16" and found["blk.0.attn_q.weight"] == "F16", found)
        expect(found["blk.0.ffn_up.weight"] == "BF16" and found["blk.1.ffn_up.weight"] == "Q8_0", found)
        expect("exists already" in home.tael("quantize", LLAMA, out, "--type", "Q8_0").err)
        short = home.tael("quantize", LLAMA, os.path.join(home.path, "short.gguf"), "--type", "q4_k", "--dry-run")
        expect("Q4_K_M" in short.out, short)
        expect(home.tael("quantize", LLAMA, out, "--type", "Q8_0", "--force").code == 0)
        expect("is the source itself" in home.tael("quantize", out, out, "--type", "Q8_0", "--force").err)
        os.remove(out)
        expect("did you mean" in fails("--type", "Q4_K_N").lower())
        expect("matches no tensor" in fails("--type", "Q8_0", "--rule", "attn_z=F16"))
        expect("regular expression" in fails("--type", "Q8_0", "--rule", "attn_(=F16"))
        expect("no type that can be written" in fails("--type", "Q8_0", "--rule", "attn_q=Q7_K"))
        wide = os.path.join(GOLDEN, "quant/gguf/pure_Q8_0.gguf")
        expect("without an importance matrix" in fails("--type", "IQ2_XXS", source=wide))
        expect("NAME.gguf" in home.tael("quantize", LLAMA, home.path, "--type", "Q8_0").err)


def a_dry_run_prints_the_plan_and_writes_nothing():
    with Home() as home:
        out = os.path.join(home.path, "m.gguf")
        result = home.tael("quantize", LLAMA, out, "--type", "Q4_K_M", "--dry-run")
        expect(result.code == 0 and "blk.0.attn_v.weight" in result.out and "kept" in result.out, result)
        expect("no whole blocks" in result.out, "rows of 64 are no K-quants, and it says so", result)
        expect(not os.path.exists(out))


def an_importance_matrix_is_the_same_for_any_threads_and_opens_the_smallest_types():
    source = os.path.join(GOLDEN, "quant/gguf/pure_Q8_0.gguf")
    with Home() as home:
        text = text_of(home)
        a, b = os.path.join(home.path, "a.gguf"), os.path.join(home.path, "b.gguf")
        for path, threads in ((a, "1"), (b, "3")):
            result = home.tael("imatrix", source, text, "-o", path, "--threads", threads, "--matmul", "float")
            expect(result.code == 0 and "tensors" in result.out, result)
        expect(filecmp.cmp(a, b, shallow=False), "threads change no byte")
        expect("exists already" in home.tael("imatrix", source, text, "-o", a).err)
        out = os.path.join(home.path, "q.gguf")
        expect(home.tael("quantize", source, out, "--type", "IQ2_XXS").code == 1)
        result = home.tael("quantize", source, out, "--type", "IQ2_XXS", "--imatrix", a)
        expect(result.code == 0 and "IQ2_XXS" in types(home, out).values(), result)
        with open(a, "rb") as file:
            content = file.read()
        expect(b"imatrix.datasets" in content and b"blk.0.ffn_down.weight.in_sum2" in content)
        result = home.tael("quantize", LLAMA, out, "--type", "Q4_K_M", "--force", "--imatrix", a)
        expect(result.code == 1 and "another model" in result.err, result)
        result = home.tael("quantize", source, out, "--type", "Q4_K_M", "--force", "--imatrix", source)
        expect(result.code == 1 and "needed 'imatrix'" in result.err, result)


def measured_types_lose_less_in_the_same_bytes():
    source = shared("quant/gguf/variants/f32.gguf")
    with Home() as home:
        text = text_of(home)
        plain, auto = os.path.join(home.path, "plain.gguf"), os.path.join(home.path, "auto.gguf")
        expect(home.tael("quantize", source, plain, "--type", "Q4_K_M").code == 0)
        result = home.tael("quantize", source, auto, "--type", "auto:Q4_K_M", "--calibrate", text,
                           "--calibrate-tokens", "128")
        expect(result.code == 0, result)
        expect(os.path.getsize(auto) <= os.path.getsize(plain) + 256)
        expect(kl(home, source, auto, text) < kl(home, source, plain, text))
        again = home.tael("quantize", source, auto, "--type", "auto:Q4_K_M", "--calibrate", text)
        expect("exists already" in again.err and "measuring" not in again.err, again)
        expect("--calibrate" in home.tael("quantize", source, auto, "--type", "auto:4.5", "--force").err)
        expect("auto:RECIPE" in home.tael("quantize", source, auto, "--type", "auto:x", "--force").err)


if __name__ == "__main__":
    main([recipes_give_the_types_that_they_gave_elsewhere,
          the_same_bytes_whatever_the_threads_and_from_either_container,
          llama2c_files_become_gguf, packed_checkpoints_are_decoded_and_quantised_anew,
          the_published_form_of_deepseek_v4_is_quantised_whole,
          rules_decide_before_recipes_and_mistakes_are_named, a_dry_run_prints_the_plan_and_writes_nothing,
          an_importance_matrix_is_the_same_for_any_threads_and_opens_the_smallest_types,
          measured_types_lose_less_in_the_same_bytes])
