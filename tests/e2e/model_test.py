#!/usr/bin/env python3
"""Models through the program: inspect, run, chat, tokenize, template, perplexity, malformed files."""

import json
import os
import pty
import select
import signal
import subprocess
import tarfile
import termios
import time

from harness import GOLDEN, ROOT, TAEL, Home, Skip, expect, main, tael

LLAMA = os.path.join(GOLDEN, "llama3")
GGUF = os.path.join(LLAMA, "model.gguf")
SHARED = os.environ.get("TAEL_SHARED") or os.path.join(ROOT, "..", "shared")
TEMPLATE = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"


def real_model():
    path = os.environ.get("TAEL_MODEL_SMOLLM2", "")
    if not os.path.exists(path):
        raise Skip("TAEL_MODEL_SMOLLM2 does not name the quick-start model")
    return path


def inspect_shows_and_validates_every_part():
    found = tael("inspect", GGUF, "--json", "--deep").json()
    expect(found["container"] == "gguf" and found["gguf"]["version"] == 3, found["gguf"])
    expect(found["spec"]["num_layers"] >= 1 and found["tensors"], found["spec"])
    expect(found["tokenizer"]["vocab_size"] == found["spec"]["vocab_size"], found["tokenizer"])
    expect(found["weights_fingerprint"].startswith("xxh3-sha256:"))
    folder = tael("inspect", LLAMA, "--json")
    expect(folder.code == 0 and folder.json()["container"] == "safetensors", folder)
    alone = tael("inspect", os.path.join(LLAMA, "golden.safetensors"), "--json").json()
    expect("spec" not in alone and alone["tensors"], alone)
    expect("tensor" in tael("inspect", GGUF).out)


def broken_files_give_a_message_and_no_output():
    with open(GGUF, "rb") as file:
        good = file.read()
    with Home() as home:
        for name, content in [("cut.gguf", good[:1000]), ("empty.gguf", b""), ("magic.gguf", b"GGUX" + good[4:]),
                              ("version.gguf", good[:4] + b"\x63\0\0\0" + good[8:]),
                              ("short.gguf", good[:-4096]), ("x.safetensors", b"\xff" * 64)]:
            result = home.tael("inspect", home.file(name, content), "--json")
            expect(result.code == 1 and not result.out and name in result.err, name, result)
        folder = os.path.dirname(home.copy(os.path.join(LLAMA, "model.safetensors"), "d/model.safetensors"))
        with open(os.path.join(LLAMA, "config.json"), encoding="utf-8") as file:
            config = json.load(file)
        for change, wanted in [({"architectures": ["NoSuchForCausalLM"]}, "NoSuchForCausalLM"),
                               ({"unheard_of_option": 1}, "unheard_of_option"),
                               ({"num_attention_heads": 7}, "head")]:
            home.file("d/config.json", json.dumps({**config, **change}))
            result = home.tael("inspect", folder)
            expect(result.code == 1 and wanted in result.err, change, result)
        home.file("d/config.json", json.dumps({**config, "unheard_of_option": 1}))
        allowed = home.tael("inspect", folder, "--allow-unknown-key", "unheard_of_option")
        expect(allowed.code == 0, allowed)


def weights_that_are_no_numbers_are_found_by_a_deep_look():
    with Home() as home:
        folder = os.path.dirname(home.copy(os.path.join(LLAMA, "config.json"), "n/config.json"))
        path = home.copy(os.path.join(LLAMA, "model.safetensors"), "n/model.safetensors")
        with open(path, "rb") as file:
            data = bytearray(file.read())
        size = int.from_bytes(data[:8], "little")
        header = json.loads(data[8:8 + size])
        name = sorted(n for n in header if n.endswith("down_proj.weight"))[0]
        begin = 8 + size + header[name]["data_offsets"][0]
        data[begin + 6:begin + 8] = b"\xc0\x7f"  # a BF16 NaN in element 3
        home.file("n/model.safetensors", bytes(data))
        result = home.tael("inspect", folder, "--deep")
        expect(result.code == 1 and name in result.err and "element 3" in result.err, result)


def malformed_files_behave_as_expected():
    with Home() as home:
        for archive in ("gguf_malformed.tar.gz", "safetensors_malformed.tar.gz"):
            path = os.path.join(SHARED, "assets", "malformed", archive)
            if not os.path.exists(path):
                raise Skip("the shared malformed files are not here")
            folder = os.path.join(home.path, archive)
            with tarfile.open(path) as tar:
                tar.extractall(folder)
            expected = [os.path.join(base, name) for base, _, names in os.walk(folder) for name in names
                        if name == "expected.json"][0]
            with open(expected, encoding="utf-8") as file:
                entries = json.load(file)
            for entry in entries:
                file = os.path.join(os.path.dirname(expected), entry["file"])
                result = home.tael("inspect", file, "--json", timeout=60)
                expect(result.code in (0, 1), entry, result)
                if entry["expect"] == "accept":
                    expect(result.code == 0, entry, result)
                if entry["expect"] == "reject":
                    expect(result.code == 1 and not result.out, entry, result)
                if result.code == 1:
                    expect(result.err.startswith("tael: error: ") and "internal" not in result.err, entry, result)


def run_completes_deterministically_and_reports():
    arguments = ["run", GGUF, "abc", "--json", "--max-tokens", "8"]
    first, second = tael(*arguments).json(), tael(*arguments, "--threads", "1").json()
    expect(first["ids"] == second["ids"] and len(first["ids"]) <= 8, first, second)
    expect(first["usage"]["prompt_tokens"] >= 3 and first["numerics_version"] == 3, first)
    expect(first["finish_reason"] in ("length", "stop") and first["kernels"], first)
    sampled = arguments + ["--temperature", "1", "--seed", "5"]
    expect(tael(*sampled).json()["ids"] == tael(*sampled).json()["ids"])
    text = tael("run", GGUF, "abc", "--max-tokens", "8")
    expect(text.code == 0 and text.out.rstrip("\n") == first["text"].rstrip("\n"), text, first)
    with Home() as home:
        prompt = home.file("p.txt", "abc")
        expect(home.tael("run", GGUF, "--file", prompt, "--json", "--max-tokens", "8").json()["ids"] == first["ids"])
    expect(tael("run", GGUF, "-", "--json", "--max-tokens", "8", stdin="abc").json()["ids"] == first["ids"])
    expect(tael("run", GGUF, "--json", "--max-tokens", "8", stdin="abc").json()["ids"] == first["ids"])


def sampling_options_reach_the_model():
    base = ["run", GGUF, "abc", "--json", "--max-tokens", "12"]
    plain = tael(*base, "--logprobs", "3").json()
    expect(len(plain["logprobs"]) == len(plain["ids"]), plain)
    for token, entry in zip(plain["ids"], plain["logprobs"]):
        expect(entry["id"] == token == entry["top"][0]["id"] and len(entry["top"]) == 3, entry)
        expect(0 >= entry["logprob"] == entry["top"][0]["logprob"] >= entry["top"][1]["logprob"], entry)
    expect("logprobs" not in tael(*base).json())
    first = plain["ids"][0]
    banned = tael(*base, "--logit-bias", f"{first}=-inf").json()
    expect(first not in banned["ids"], first, banned)
    text = plain["logprobs"][0]["token"]
    expect(text not in tael(*base, "--ban", text).json()["text"], text)
    distinct = tael(*base, "--presence-penalty", "100", "--frequency-penalty", "-1.5").json()["ids"]
    expect(len(set(distinct)) == len(distinct), distinct)
    warm = base + ["--temperature", "1.2", "--seed", "3"]
    every = warm + ["--dynatemp-range", "0.5", "--top-k", "60", "--typical", "0.9", "--min-p", "0.01", "--top-p", "0.98",
                    "--top-n-sigma", "3", "--xtc-probability", "0.5", "--repeat-penalty", "1.1", "--dry-multiplier", "0.8",
                    "--min-tokens", "4", "--samplers", "temperature;top_k;xtc;typical_p;top_p;min_p;top_n_sigma"]
    for arguments in (every, warm + ["--mirostat", "1"], warm + ["--mirostat", "2", "--mirostat-tau", "3"]):
        one, two = tael(*arguments), tael(*arguments, "--threads", "1")
        expect(one.code == 0 and one.json()["ids"] == two.json()["ids"], arguments, one, two)
    for wrong, code, message in [(["--samplers", "top_k,topp"], 1, "top_n_sigma, top_k"), (["--xtc-probability", "2"], 2, "xtc"),
                                 (["--logit-bias", "5"], 2, "ID=VALUE"), (["--logit-bias", "9999999=1"], 1, "9999999")]:
        result = tael(*base, *wrong)
        expect(result.code == code and message in result.err and not result.out, wrong, result)
    expect(tael("run", GGUF, "abc", "--logprobs", "1").code == 2)


def a_prompt_beyond_the_context_is_refused_with_both_numbers():
    result = tael("run", GGUF, "a" * 100, "--ctx", "16")
    expect(result.code == 1 and "16" in result.err and not result.out, result)
    full = tael("run", GGUF, "abc", "--ctx", "16", "--json")
    expect(full.code == 0, full)
    if full.json()["finish_reason"] == "context_full":
        expect("16" in full.err and "--ctx" in full.err, full)


def tokenize_streams_json_lines_in_order():
    lines = [{"text": f"line {i} é"} for i in range(500)] + [{"text": ""}]
    result = tael("tokenize", "--tokenizer", GGUF, stdin="".join(json.dumps(l) + "\n" for l in lines))
    answers = [json.loads(l) for l in result.out.splitlines()]
    expect(result.code == 0 and len(answers) == len(lines), result)
    expect(answers[-1] == {"ids": []}, answers[-1])
    one = tael("tokenize", GGUF, "line 7 é", "--json").json()
    expect(answers[7] == one, answers[7], one)
    for bad, wanted in [("{\"text\":\"a\"}\nnonsense\n", "line 2"), ("{\"txt\":1}\n", "text"), ("[]\n", "text")]:
        broken = tael("tokenize", "--tokenizer", GGUF, stdin=bad)
        expect(broken.code == 1 and wanted in broken.err, bad, broken)


def tokenize_answers_each_line_when_asked_one_by_one():
    with Home() as home:
        process = subprocess.Popen([TAEL, "tokenize", "--tokenizer", GGUF], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, env=home.environment())
        for _ in range(3):
            process.stdin.write(b'{"text":"abc"}\n')
            process.stdin.flush()
            expect(select.select([process.stdout], [], [], 30)[0], "no answer in time")
            expect(b"ids" in process.stdout.readline())
        process.stdin.close()
        expect(process.wait() == 0)


def templates_render_with_the_origin_of_text():
    with Home() as home:
        path = home.file("t.jinja", TEMPLATE)
        messages = json.dumps([{"role": "user", "content": "<|im_end|>"}])
        plain = home.tael("template", "--template", path, stdin=messages)
        expect(plain.code == 0 and plain.out == "[user]<|im_end|>", plain)
        found = home.tael("template", "--template", path, "--json", stdin=messages).json()
        expect("".join(s["text"] for s in found["spans"]) == found["text"], found)
        expect(all("<|im_end|>" not in s["text"] for s in found["spans"] if s["trusted"]), found)
        bad = home.tael("template", "--template", home.file("b.jinja", "a\n{{ x | nothing }}"), stdin=messages)
        expect(bad.code == 1 and "2" in bad.err, bad)
        variable = home.file("v.jinja", "{{ v + 1 }}")
        expect(home.tael("template", "--template", variable, "--var", "v=41", stdin="[]").out == "42")


def perplexity_is_reported_with_its_error():
    with Home() as home:
        text = home.file("t.txt", "the quick brown fox jumps over the lazy dog " * 8)
        found = home.tael("eval", "perplexity", GGUF, text, "--window", "64", "--json").json()
        expect(found["perplexity"] > 1 and found["standard_error"] > 0 and found["window"] == 64, found)
        expect(found["scored"] < found["tokens"], found)
        expect(home.tael("eval", "perplexity", GGUF, home.file("e.txt", "")).code == 1)


def the_real_model_talks():
    model = real_model()
    result = tael("run", model, "What is the capital of France?", "--chat", "--json", "--max-tokens", "32",
                  "--matmul", "float", timeout=300).json()
    expect("Paris" in result["text"] and result["finish_reason"] == "stop", result)
    injected = tael("run", model, "<|im_end|>", "--json", "--max-tokens", "1", timeout=300).json()
    expect(injected["usage"]["prompt_tokens"] > 1, injected)


def chat_keeps_the_conversation_when_piped():
    model = real_model()
    with Home() as home:
        saved = os.path.join(home.path, "c.json")
        result = home.tael("chat", model, "--max-tokens", "12", timeout=600, stdin=(
            "Say hello.\n/stats\nAnd again,\\\nplease.\n/stats\n/save " + saved + "\n/nonsense\n/reset\n"
            "/load " + saved + "\n/regenerate\n\"\"\"a\nb\"\"\"\n/exit\nnever read\n"))
        expect(result.code == 0, result)
        expect("\x1b" not in result.out, result)
        with open(saved, encoding="utf-8") as file:
            messages = json.load(file)["messages"]
        expect([m["role"] for m in messages] == ["user", "assistant"] * 2, messages)
        expect(messages[2]["content"] == "And again,\nplease.", messages)
        cached = [int(l.split("(")[1].split()[0]) for l in result.out.splitlines() if "cached" in l]
        expect(cached[0] == 0 and cached[1] > 20, result)
        expect("unknown command '/nonsense'" in result.err, result)


def chat_says_when_the_context_is_full():
    model = real_model()
    with Home() as home:
        result = home.tael("chat", model, "--ctx", "64", stdin="Tell me a long story.\n" + "word " * 80 + "\n",
                           timeout=600)
        expect(result.code == 1 and "64" in result.err and "/reset" in result.err, result)


def ctrl_c_ends_the_answer_only():
    model = real_model()
    with Home() as home:
        master, slave = pty.openpty()
        process = subprocess.Popen([TAEL, "chat", model], stdin=slave, stdout=slave, stderr=slave,
                                   env=home.environment(TERM="xterm"), start_new_session=True,
                                   preexec_fn=lambda: __import__("fcntl").ioctl(0, 0x540E, 0))
        os.close(slave)

        pending = bytearray()

        def wait_for(text, seconds=120):
            """Takes what is shown up to and including `text`."""
            end = time.time() + seconds
            while text not in pending:
                if time.time() > end:
                    raise AssertionError(f"{text!r} not in {bytes(pending)!r}")
                if select.select([master], [], [], 0.5)[0]:
                    pending.extend(os.read(master, 4096))
            del pending[:pending.index(text) + len(text)]

        def wait_for_prompt():
            """The editor shows its prompt a moment before it takes over the terminal's echo."""
            wait_for(b"> ")
            while termios.tcgetattr(master)[3] & termios.ICANON:
                time.sleep(0.02)

        wait_for_prompt()
        os.write(master, "Write a very long story about a fóx.\r".encode())
        wait_for(b"x.\r\n")  # the echo of the question
        wait_for(b" ")  # the answer has begun
        os.write(master, b"\x03")
        wait_for(b"answer ended by Ctrl-C")
        wait_for_prompt()
        os.write(master, b"\x03")
        wait_for(b"Ctrl-D or /exit leaves")
        wait_for_prompt()
        os.write(master, b"/stats\r")
        wait_for(b"context ")
        wait_for_prompt()
        os.write(master, b"\x04")
        expect(process.wait(30) == 0)
        os.close(master)
        expect(os.path.exists(os.path.join(home.path, ".local/state/tael/chat_history")))


def ctrl_c_ends_run_with_130_and_the_text_so_far():
    model = real_model()
    with Home() as home:
        process = subprocess.Popen([TAEL, "run", model, "Once upon a time"], stdout=subprocess.PIPE,
                                   env=home.environment())
        first = os.read(process.stdout.fileno(), 1)
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=60)[0]
        expect(process.returncode == 130 and first and rest.endswith(b"\n"), process.returncode, rest)


main([inspect_shows_and_validates_every_part, broken_files_give_a_message_and_no_output,
      weights_that_are_no_numbers_are_found_by_a_deep_look, malformed_files_behave_as_expected,
      run_completes_deterministically_and_reports, sampling_options_reach_the_model,
      a_prompt_beyond_the_context_is_refused_with_both_numbers, tokenize_streams_json_lines_in_order,
      tokenize_answers_each_line_when_asked_one_by_one, templates_render_with_the_origin_of_text,
      perplexity_is_reported_with_its_error, the_real_model_talks, chat_keeps_the_conversation_when_piped,
      chat_says_when_the_context_is_full, ctrl_c_ends_the_answer_only,
      ctrl_c_ends_run_with_130_and_the_text_so_far])
