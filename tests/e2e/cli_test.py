#!/usr/bin/env python3
"""The command line: help, wrong use, settings, models found on disk."""

import json
import os
import pty
import select
import subprocess

from harness import GOLDEN, TAEL, Home, expect, main, tael

COMMANDS = ["run", "chat", "serve", "pull", "list", "inspect", "tokenize", "template", "eval", "bench", "verify",
            "doctor", "cache", "config", "key", "rm", "completions"]
GGUF = os.path.join(GOLDEN, "llama3", "model.gguf")


def help_names_every_command_and_the_exit_codes():
    result = tael("--help")
    expect(result.code == 0 and "Exit codes" in result.out, result)
    for command in COMMANDS:
        expect(command in result.out, command, result)
        own = tael(command, "--help")
        expect(own.code == 0 and own.out and not own.err, own)
    expect(tael("--version").out.startswith("tael "))


def wrong_command_lines_end_with_2_and_a_hint():
    for arguments, hint in [((), ""), (("rum", "x"), "'run'"), (("verfy",), "'verify'"),
                            (("list", "--jsn"), "'--json'"), (("run", "m", "--max-token", "3"), "--max-tokens"),
                            (("run", "m", "p", "--matmul", "int"), "matmul"), (("run",), "model"),
                            (("run", "m", "p", "--ctx", "-1"), "ctx"), (("eval",), ""),
                            (("run", "m", "p", "--system", "s"), "--chat"), (("template",), "MODEL")]:
        result = tael(*arguments)
        expect(result.code == 2 and not result.out, arguments, result)
        expect(result.err.startswith("tael: error: ") and hint in result.err, arguments, result)


def a_missing_model_ends_with_1_and_says_what_to_do():
    for command in ("run", "inspect", "chat", "tokenize"):
        result = tael(command, "no/such/model", *(["hi"] if command == "run" else []))
        expect(result.code == 1 and not result.out, command, result)
        expect("no/such/model" in result.err and "tael list" in result.err, result)
    expect("tael pull smollm2" in tael("run", "smollm2", "hi").err)


def settings_come_from_defaults_file_environment_and_options():
    with Home() as home:
        plain = home.tael("config", "--json").json()
        expect(plain["settings"]["run.matmul"]["value"] == "integer", plain)
        home.file(".config/tael/config.toml", "[run]\nthreads = 3\ntemperature = 0.5\n")
        found = home.tael("config", "--json", "--set", "run.top_k=7", TAEL_MODELS="/m").json()
        settings = found["settings"]
        expect(settings["run.threads"]["value"] == 3, found)
        expect(settings["run.top_k"] == {"value": 7, "origin": "--set"}, found)
        expect(settings["store.models"]["origin"] == "TAEL_MODELS", found)
        printed = home.file("printed.toml", home.tael("config").out)
        again = home.tael("config", "--json", "--config", printed).json()
        expect(again["settings"]["run.temperature"]["value"] == 0.5, again)


def bad_settings_are_refused_with_the_nearest_key():
    with Home() as home:
        for text, wanted in [("[run]\nthread = 1\n", "'run.threads'"), ("[rum]\nthreads = 1\n", "run.threads"),
                             ("[run]\ntop_p = 2\n", "from 0 to 1"), ("[run\n", "line 1"),
                             ("[run]\nkv = 3\n", "one of")]:
            path = home.file("bad.toml", text)
            result = home.tael("config", "--config", path)
            expect(result.code == 1 and wanted in result.err and path in result.err, text, result)
        expect(home.tael("config", "--set", "run.seed").code == 1)
        expect(home.tael("config", "--config", home.path + "/none.toml").code == 1)


def models_of_every_source_are_listed_and_usable():
    with Home() as home:
        home.copy(GGUF, ".local/share/tael/models/mine.gguf")
        snapshot = ".cache/huggingface/hub/models--Org--Tiny/snapshots/abc123/"
        home.copy(os.path.join(GOLDEN, "llama3", "config.json"), snapshot + "config.json")
        home.copy(os.path.join(GOLDEN, "llama3", "model.safetensors"), snapshot + "model.safetensors")
        home.copy(GGUF, ".ollama/models/blobs/sha256-11")
        home.file(".ollama/models/manifests/registry.ollama.ai/library/tiny/2b", json.dumps(
            {"layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:11"}]}))
        home.copy(GGUF, ".lmstudio/models/publisher/repo/file.gguf")
        models = {m["name"]: m for m in home.tael("list", "--json").json()["models"]}
        expect(set(models) == {"mine", "Org/Tiny", "tiny:2b", "publisher/repo/file"}, models)
        expect({m["source"] for m in models.values()} == {"store", "huggingface", "ollama", "lmstudio"})
        expect(models["mine"]["architecture"] == "llama", models)
        expect(models["Org/Tiny"]["architecture"] == "LlamaForCausalLM", models)
        for name, model in models.items():
            expect(model["size_bytes"] > 0, model)
            result = home.tael("inspect", name, "--json")
            expect(result.code == 0 and result.json()["path"] == model["path"], name, result)
        typo = home.tael("inspect", "mien")
        expect(typo.code == 1 and "'mine'" in typo.err, typo)
        table = home.tael("list")
        expect(table.code == 0 and "tiny:2b" in table.out and "\x1b" not in table.out, table)


def an_empty_disk_lists_nothing():
    result = tael("list", "--json")
    expect(result.code == 0 and result.json()["models"] == [], result)
    expect("tael pull smollm2" in tael("list").err)


def doctor_reports_the_machine():
    found = tael("doctor", "--json").json()
    expect(found["threads"] >= 1 and "scalar" in found["kernels"], found)
    expect(found["kernels_chosen"] in found["kernels"], found)
    expect(tael("doctor").code == 0)


def pull_refuses_other_names_and_explains_a_missing_python():
    result = tael("pull", "llama3")
    expect(result.code == 1 and "ORG/REPO" in result.err, result)
    with Home() as home:
        os.makedirs(home.path + "/bin")
        result = home.tael("pull", "smollm2", PATH=home.path + "/bin")
        expect(result.code == 1 and "python3" in result.err, result)
        left = os.listdir(home.path + "/.local/share/tael/models")
        expect(left == [], left)
        fake = home.file("bin/python3", "#!/bin/sh\necho no network here >&2\nexit 1\n")
        os.chmod(fake, 0o755)
        result = home.tael("pull", "smollm2", PATH=home.path + "/bin:/bin:/usr/bin")
        expect(result.code == 1 and "no network here" in result.err and "needs pip" in result.err, result)


def unwritable_output_is_an_error():
    with Home() as home, open("/dev/full", "wb") as full:
        done = subprocess.run([TAEL, "config"], stdout=full, stderr=subprocess.PIPE, check=False,
                              env=home.environment())
        expect(done.returncode == 1 and b"standard output" in done.stderr, done)


def colour_is_for_terminals_only():
    with Home() as home:
        broken = home.file("g/golden.safetensors", b"nonsense")
        piped = home.tael("verify", os.path.dirname(broken))
        expect(piped.code == 1 and "\x1b" not in piped.out + piped.err, piped)
        for extra, coloured in [({}, True), ({"NO_COLOR": "1"}, False)]:
            master, slave = pty.openpty()
            process = subprocess.Popen([TAEL, "verify", os.path.dirname(broken)], stdout=slave, stderr=slave,
                                       env=home.environment(**extra))
            os.close(slave)
            shown = b""
            while select.select([master], [], [], 20)[0]:
                try:
                    piece = os.read(master, 4096)
                except OSError:
                    break
                if not piece:
                    break
                shown += piece
            process.wait()
            os.close(master)
            expect((b"\x1b[31m" in shown) == coloured, shown)


main([help_names_every_command_and_the_exit_codes, wrong_command_lines_end_with_2_and_a_hint,
      a_missing_model_ends_with_1_and_says_what_to_do,
      settings_come_from_defaults_file_environment_and_options,
      bad_settings_are_refused_with_the_nearest_key, models_of_every_source_are_listed_and_usable,
      an_empty_disk_lists_nothing, doctor_reports_the_machine,
      pull_refuses_other_names_and_explains_a_missing_python, unwritable_output_is_an_error,
      colour_is_for_terminals_only])
