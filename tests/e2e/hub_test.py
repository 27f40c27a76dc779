#!/usr/bin/env python3
"""`tael pull`, `rm` and `completions` against a hub of our own: protocols, resuming, and servers that lie."""

import json
import os
import random
import signal
import subprocess
import time

from harness import GOLDEN, TAEL, Home, Skip, expect, main
from mock_hub import COMMIT, MockHub, cut_after, make_certificate, on, status

MB = 1 << 20


def read(*names):
    with open(os.path.join(GOLDEN, *names), "rb") as file:
        return file.read()


# Readers of GGUF do not mind what stands behind the tensors: a small model in a large file.
BIG = read("quant", "gguf", "pure_Q4_K.gguf") + random.Random(1).randbytes(11 * MB + 12345)
SMALL = read("quant", "gguf", "pure_Q8_0.gguf")
GGUFS = {"tiny-Q4_K_M.gguf": BIG, "tiny-Q8_0.gguf": SMALL, "README.md": b"text", "LICENSE": b"free",
         "mmproj-tiny-F16.gguf": b"x"}
FAST = {"retry_delay_ms": "5", "retries": "3", "timeout_seconds": "2"}


def pull(home, hub, *arguments, kind="HF", timeout=60, environment=None, **settings):
    sets = [f"--set=hub.{key}={value}" for key, value in {**FAST, **settings}.items()]
    variables = {"HF_ENDPOINT" if kind == "HF" else "MODELSCOPE_ENDPOINT": hub.url, "no_proxy": "127.0.0.1",
                 **(environment or {})}
    return home.tael("pull", *arguments, *sets, timeout=timeout, **variables)


def store(home):
    return os.path.join(home.path, ".local/share/tael/models")


def stored(home):
    """Everything in the store but the notes, with its content's length."""
    found = {}
    for folder, _, names in os.walk(store(home)):
        for name in names:
            path = os.path.join(folder, name)
            if name != "tael-model.json":
                found[os.path.relpath(path, store(home))] = os.path.getsize(path)
    return found


def expect_refused(result, *words):
    expect(result.code == 1 and result.err.count("tael: error:") == 1, result)
    for word in words:
        expect(word in result.err, word, result)


def expect_nothing_visible(home):
    expect(all(name.startswith(".pull/") for name in stored(home)), stored(home))
    expect(home.tael("list", "--names").out == "", stored(home))


def a_quantisation_is_pulled_listed_run_and_removed():
    with Home() as home, MockHub({"org/tiny": GGUFS}) as hub:
        result = pull(home, hub, "org/tiny:q4_k_m", "--json")
        events = [json.loads(line) for line in result.out.splitlines()]
        expect(result.code == 0 and events[-1]["event"] == "done" and events[0]["event"] == "listing", result)
        done = events[-1]
        expect(done["name"] == "org/tiny:Q4_K_M" and done["commit"] == COMMIT and done["downloaded"], done)
        with open(done["path"], "rb") as file:
            expect(file.read() == BIG)
        expect(sorted(stored(home)) == ["org/tiny--Q4_K_M/LICENSE", "org/tiny--Q4_K_M/tiny-Q4_K_M.gguf"], stored(home))
        expect(home.tael("list", "--names").out == "org/tiny:Q4_K_M\n")
        for name in ("org/tiny:q4_k_m", "hf:org/tiny:Q4_K_M", "org/tiny", "tiny"):
            expect(home.tael("inspect", name, "--json").json()["container"] == "gguf", name)
        again = pull(home, hub, "org/tiny:Q4_K_M", "--json")
        expect(again.code == 0 and json.loads(again.out.splitlines()[-1])["downloaded"] is False, again)
        expect(home.tael("rm", "org/tiny:Q4_K_M").code == 1)  # nobody can be asked
        removed = home.tael("rm", "org/tiny:Q4_K_M", "--yes")
        expect(removed.code == 0 and os.listdir(store(home)) == [], removed, os.listdir(store(home)))
        expect_refused(home.tael("rm", "org/tiny", "--yes"), "no model of the store")


def safetensors_come_with_what_a_run_needs_and_nothing_else():
    repo = {name: read("llama3", name) for name in ("config.json", "model.safetensors")}
    repo.update({"tokenizer_config.json": b"{}", "pytorch_model.bin": b"p" * 9000, "onnx/model.onnx": b"o" * 9000,
                 "README.md": b"r", "original/params.json": b"{}"})
    # Three entries a page: the listing has several.
    with Home() as home, MockHub({"org/base": repo}, page_size=3) as hub:
        result = pull(home, hub, "org/base")
        expect(result.code == 0, result)
        expect(sorted(stored(home)) == [f"org/base/{name}" for name in
                                        ("config.json", "model.safetensors", "tokenizer_config.json")], stored(home))
        expect(home.tael("run", "org/base", "x", "--max-tokens", "1").code == 1)  # it has no tokenizer
        expect(home.tael("plan", "org/base", "--ctx", "64").code == 0)


def shards_are_those_of_the_index():
    whole = read("llama3", "model.safetensors")
    index = {"metadata": {}, "weight_map": {"a": "model-00001-of-00001.safetensors"}}
    length = int.from_bytes(whole[:8], "little")
    index["weight_map"] = {name: "model-00001-of-00001.safetensors"
                           for name in json.loads(whole[8:8 + length]) if name != "__metadata__"}
    repo = {"config.json": read("llama3", "config.json"), "model-00001-of-00001.safetensors": whole,
            "other.safetensors": whole, "model.safetensors.index.json": json.dumps(index).encode()}
    with Home() as home, MockHub({"org/cut": repo}) as hub:
        result = pull(home, hub, "org/cut")
        expect(result.code == 0 and "org/cut/other.safetensors" not in stored(home), result, stored(home))
        repo["model.safetensors.index.json"] = b'{"weight_map": {"a": "../../x.safetensors"}}'
        expect_refused(pull(home, hub, "org/cut", "--force"), "../../x.safetensors")
        expect("org/cut/model-00001-of-00001.safetensors" in stored(home))  # the old one stays


def modelscope_speaks_its_own_protocol():
    with Home() as home, MockHub({"org/tiny": GGUFS}) as hub:
        for arguments in (["ms:org/tiny:Q4_K_M"], ["org/tiny:Q8_0", "--set=hub.source=modelscope"]):
            result = pull(home, hub, *arguments, kind="MS")
            expect(result.code == 0, result)
        expect(stored(home)["org/tiny--Q4_K_M/tiny-Q4_K_M.gguf"] == len(BIG), stored(home))
        expect_refused(pull(home, hub, "ms:org/none", kind="MS"), "404")
        expect_refused(pull(home, hub, "ms:org/tiny@none:Q8_0", kind="MS"), "404")


def a_url_gives_a_file_or_its_whole_split_set():
    parts = {f"big-0000{i}-of-00002.gguf": SMALL for i in (1, 2)}
    with Home() as home, MockHub({"org/tiny": {**GGUFS, **parts}}) as hub:
        result = pull(home, hub, hub.url + "/cdn/org/tiny/tiny-Q8_0.gguf?download=true")
        expect(result.code == 0 and stored(home) == {"tiny-Q8_0/tiny-Q8_0.gguf": len(SMALL)}, result, stored(home))
        expect_refused(pull(home, hub, hub.url + "/cdn/org/tiny/README.md"), "has to end with")
        expect_refused(pull(home, hub, hub.url + "/cdn/org/tiny/none.gguf"), "404")
        result = pull(home, hub, hub.url + "/cdn/org/tiny/big-00002-of-00002.gguf?x=1")
        expect(result.code == 0 and result.out.endswith("/big/big-00001-of-00002.gguf\n"), result)
        expect(stored(home)["big/big-00002-of-00002.gguf"] == len(SMALL), stored(home))


def what_is_on_this_disk_is_linked():
    with Home() as home:
        source = home.file("models/mine-Q8_0.gguf", SMALL)
        result = home.tael("pull", source)
        expect(result.code == 0 and "mine-Q8_0" in result.out, result)
        expect(os.path.samefile(source, result.out.strip()))
        copied = home.tael("pull", source, "--copy", "--name", "other")
        expect(copied.code == 0 and not os.path.samefile(source, copied.out.strip()), copied)
        folder = os.path.join(GOLDEN, "llama3")
        expect_refused(home.tael("pull", home.file("bad.gguf", SMALL[:5000])), "bad.gguf")
        expect_refused(home.tael("pull", home.file("models/mine-Q8_0.gguf.txt", b"x")), "no model")
        linked = home.tael("pull", os.path.join(folder, "model.gguf"), "--name", "a/b")
        expect(linked.code == 0 and home.tael("list", "--names").out == "a/b\nmine-Q8_0\nother\n", linked)
        expect_refused(home.tael("pull", source, "--name", "../out"), "--name")


def a_choice_is_explained():
    with Home() as home, MockHub({"org/tiny": GGUFS, "org/pickle": {"pytorch_model.bin": b"x"},
                                  "org/twice": {"a-Q4_0.gguf": SMALL, "b-Q4_0.gguf": SMALL},
                                  "org/text": {"README.md": b"x"}}) as hub:
        expect_refused(pull(home, hub, "org/tiny"), "which one?", "Q4_K_M", "Q8_0", "11.9 MB")
        expect_refused(pull(home, hub, "org/tiny:Q5_K_M"), "there is no 'Q5_K_M'", "Q4_K_M")
        expect_refused(pull(home, hub, "org/twice:Q4_0"), "several", "org/twice:a-Q4_0")
        expect(pull(home, hub, "org/twice:b-Q4_0").code == 0)
        expect_refused(pull(home, hub, "org/pickle"), "pickles")
        expect_refused(pull(home, hub, "org/text"), "holds no model")
        expect_refused(pull(home, hub, "org/none"), "404", "HF_TOKEN")
        expect_refused(pull(home, hub, "org/tiny@nope:Q8_0"), "Invalid rev id")
        expect_refused(pull(home, hub, "tiny"), "ORG/REPO")
        expect_refused(pull(home, hub, "org/tiny@../x"), "no branch")
        pinned = pull(home, hub, "org/tiny@v1:Q8_0")
        expect(pinned.code == 0 and home.tael("list", "--names").out.startswith("org/tiny@v1:Q8_0\n"), pinned)


def connections_are_parallel_and_cuts_are_resumed_where_they_were():
    with Home() as home, MockHub({"org/tiny": GGUFS}) as hub:
        hub.faults = [cut_after("/cdn/.*Q4_K_M", 700_000, BIG, times=8)]
        result = pull(home, hub, "org/tiny:Q4_K_M", connections="4")
        expect(result.code == 0, result)
        expect(stored(home)["org/tiny--Q4_K_M/tiny-Q4_K_M.gguf"] == len(BIG))
        # Nothing that came was fetched twice.
        expect(hub.file_bytes <= len(BIG) + len(GGUFS["LICENSE"]), hub.file_bytes, len(BIG))
        slow = on("/cdn/")(lambda h, handler, _: h.send_file(handler, BIG, rate=4 * MB))
        hub.faults, hub.most_busy = [slow], 0
        begin = time.monotonic()
        expect(pull(home, hub, "org/tiny:Q4_K_M", "--force", connections="4").code == 0)
        expect(hub.most_busy >= 3, hub.most_busy, time.monotonic() - begin)


def a_killed_pull_goes_on():
    with Home() as home, MockHub({"org/tiny": GGUFS}) as hub:
        hub.faults = [on("/cdn/")(lambda h, handler, _: h.send_file(handler, BIG, rate=3 * MB))]
        for kill in (signal.SIGKILL, signal.SIGKILL, signal.SIGINT):
            process = subprocess.Popen(
                [TAEL, "pull", "org/tiny:Q4_K_M", "--set=hub.connections=2"], stderr=subprocess.PIPE,
                stdout=subprocess.DEVNULL, env=home.environment(HF_ENDPOINT=hub.url, no_proxy="127.0.0.1"))
            before = hub.file_bytes
            while hub.file_bytes < before + 2.5 * MB and process.poll() is None:
                time.sleep(0.01)
            process.send_signal(kill)
            message = process.stderr.read().decode()
            expect(process.wait(10) == (-9 if kill == signal.SIGKILL else 130), process.returncode, message)
            expect_nothing_visible(home)
        expect("goes on with it" in message, message)
        before, hub.faults = hub.file_bytes, []
        result = pull(home, hub, "org/tiny:Q4_K_M", "--json")
        expect(result.code == 0, result)
        resumed = [json.loads(line).get("bytes_resumed", 0) for line in result.out.splitlines()]
        expect(max(resumed) >= 3 * MB and hub.file_bytes - before < 9 * MB, resumed, hub.file_bytes - before)
        with open(json.loads(result.out.splitlines()[-1])["path"], "rb") as file:
            expect(file.read() == BIG)
        expect(not os.path.exists(os.path.join(store(home), ".pull")))


def two_pulls_of_one_model_do_not_meet():
    with Home() as home, MockHub({"org/tiny": GGUFS}) as hub:
        hub.faults = [on("/cdn/")(lambda h, handler, _: h.send_file(handler, BIG, rate=2 * MB))]
        first = subprocess.Popen([TAEL, "pull", "org/tiny:Q4_K_M"], stderr=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL,
                                 env=home.environment(HF_ENDPOINT=hub.url, no_proxy="127.0.0.1"))
        while hub.file_bytes < MB:
            time.sleep(0.01)
        expect_refused(pull(home, hub, "org/tiny:Q4_K_M"), "another process is pulling it")
        hub.faults = []
        expect(first.wait(30) == 0)
        expect(home.tael("list", "--names").out == "org/tiny:Q4_K_M\n")


def damaged_bytes_are_fetched_once_more_and_then_refused():
    damaged = bytearray(BIG)
    damaged[6 * MB] ^= 1
    with Home() as home, MockHub({"org/tiny": GGUFS}) as hub:
        lie = on("/cdn/")(lambda h, handler, _: h.send_file(handler, bytes(damaged)))
        hub.faults = [lie]
        expect_refused(pull(home, hub, "org/tiny:Q4_K_M"), "SHA-256", "twice")
        expect_nothing_visible(home)
        def once(hub, handler, _):
            first, last = map(int, handler.headers["Range"][6:].split("-"))
            if not first <= 6 * MB <= last or hits:
                return False
            hits.append(first)
            return hub.send_file(handler, bytes(damaged))
        hits, hub.faults = [], [on("/cdn/")(once)]
        result = pull(home, hub, "org/tiny:Q4_K_M")
        expect(result.code == 0 and hits, result)
        # Bytes that rotted on the disk while the pull was interrupted.
        hub.faults = [on("/cdn/")(lambda h, handler, found: hub.file_bytes < limit and h.send_file(handler, BIG)),
                      status("/cdn/", 404)]
        limit = hub.file_bytes + 5 * MB
        expect_refused(pull(home, hub, "org/tiny:Q4_K_M", "--force"), "404")
        parts = [path for path in stored(home) if path.startswith(".pull/") and path.endswith(".gguf")]
        with open(os.path.join(store(home), parts[0]), "r+b") as file:
            file.seek(1000)
            file.write(b"rot")
        hub.faults = []
        result = pull(home, hub, "org/tiny:Q4_K_M", "--force")
        expect(result.code == 0, result)
        with open(result.out.strip(), "rb") as file:
            expect(file.read() == BIG)


def servers_that_lie_are_refused():
    longer, shorter = BIG + b"more", BIG[:-5]
    html = status("/cdn/", 200, body=b"<html>log in</html>" * 500, kind="text/html; charset=utf-8")
    def packed(hub, handler, _):
        hub.send(handler, 200, BIG, {"Content-Encoding": "gzip"})
    def wrong_range(hub, handler, _):
        hub.send(handler, 206, BIG[:100], {"Content-Range": f"bytes 7-106/{len(BIG)}"})
    def endless(hub, handler, _):
        del hub
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes 0-{MB - 1}/{len(BIG)}")
        handler.end_headers()
        handler.close_connection = True
        for _ in range(100):
            handler.wfile.write(bytes(MB))
    for name, fault, words in [
            ("longer", on("/cdn/")(lambda h, handler, _: h.send_file(handler, longer)), ["should have", str(len(longer))]),
            ("shorter", on("/cdn/")(lambda h, handler, _: h.send_file(handler, shorter)), ["should have"]),
            ("longer stream", on("/cdn/")(lambda h, handler, _: h.send_file(handler, longer, ranges=False)), ["should have"]),
            ("html", html, ["HTML page"]), ("packed", on("/cdn/")(packed), ["packed (gzip)"]),
            ("range", on("/cdn/")(wrong_range), ["sends bytes 7 to 106"]),
            ("endless", on("/cdn/")(endless), ["sends more than"]),
            ("commit", status("/resolve/", 302, headers={"Location": "/cdn/org/tiny/tiny-Q4_K_M.gguf",
                                                         "X-Repo-Commit": "f" * 40}), ["comes from commit"]),
            ("digest", status("/resolve/", 302, headers={"Location": "/cdn/org/tiny/tiny-Q4_K_M.gguf",
                                                         "X-Linked-Etag": '"' + "a" * 64 + '"'}), ["the listing says"]),
            ("loop", on("/cdn/|/resolve/")(lambda h, handler, _: h.send(handler, 302, b"", {"Location": "/cdn/x"})),
             ["redirects"]),
            ("other scheme", status("/resolve/", 302, headers={"Location": "file:///etc/passwd"}), ["scheme"]),
            ("no json", status("/tree/", 200, body=b"{"), ["org/tiny"]),
            ("no list", status("/tree/", 200, body=b'{"a": 1}'), ["needed an array"]),
            ("endless pages", on("/tree/")(lambda h, handler, _: h.send(handler, 200, b"[]", {
                "Link": f'<{h.url}{handler.path}>; rel="next"'})), ["does not end"]),
            ("pages elsewhere", on("/tree/")(lambda h, handler, _: h.send(handler, 200, b"[]", {
                "Link": '<http://127.0.0.2:9/x>; rel="next"'})), ["another host"]),
            ("api elsewhere", status("/api/", 307, headers={"Location": "http://127.0.0.2:9/x"}), ["refused"]),
            ("no commit", status("/revision/", 200, body=b'{"sha": "../.."}'), ["no commit"])]:
        with Home() as home, MockHub({"org/tiny": GGUFS}) as hub:
            hub.faults = [fault]
            result = pull(home, hub, "org/tiny:Q4_K_M")
            expect(result.code == 1, name, result)
            expect_refused(result, *words)
            expect_nothing_visible(home)


def names_that_lead_out_of_the_store_are_refused():
    for name in ("../../evil-Q4_0.gguf", "/abs-Q4_0.gguf", "a\\b-Q4_0.gguf", "con/x-Q4_0.gguf", "x\x01-Q4_0.gguf",
                 "C:-Q4_0.gguf", "a /x-Q4_0.gguf", "tael-model.json/x-Q4_0.gguf", "y/" * 600 + "x-Q4_0.gguf"):
        with Home() as home, MockHub({"org/evil": {name: SMALL}}) as hub:
            expect_refused(pull(home, hub, "org/evil:Q4_0"), "which is refused")
            expect(stored(home) == {}, stored(home))


def trouble_that_passes_is_waited_out():
    with Home() as home, MockHub({"org/tiny": GGUFS}) as hub:
        hub.faults = [status("/api/", 503, times=2), status("/cdn/", 429, times=2, headers={"Retry-After": "1"}),
                      status("/resolve/", 500, times=1)]
        begin = time.monotonic()
        expect(pull(home, hub, "org/tiny:Q4_K_M", connections="1").code == 0)
        expect(time.monotonic() - begin >= 1.9, time.monotonic() - begin)
        hub.faults = [status("/cdn/", 503)]
        expect_refused(pull(home, hub, "org/tiny:Q8_0"), "503 3 times")
        silent = on("/cdn/")(lambda h, handler, _: time.sleep(6))
        hub.faults = [silent]
        expect_refused(pull(home, hub, "org/tiny:Q8_0", retries="1"), "Hint: check the network")
    with Home() as home:
        dead = home.tael("pull", "org/tiny", "--set=hub.retries=2", "--set=hub.retry_delay_ms=5",
                         HF_ENDPOINT="http://127.0.0.1:9")
        expect_refused(dead, "127.0.0.1", "HF_ENDPOINT")


def a_server_without_ranges_is_read_as_one_stream():
    with Home() as home, MockHub({"org/tiny": GGUFS}) as hub:
        hub.faults = [on("/cdn/")(lambda h, handler, _: h.send_file(handler, BIG, ranges=False))]
        expect(pull(home, hub, "org/tiny:Q4_K_M").code == 0)
        with open(os.path.join(store(home), "org/tiny--Q4_K_M/tiny-Q4_K_M.gguf"), "rb") as file:
            expect(file.read() == BIG)


def a_file_that_changes_between_its_pieces_is_refused():
    with Home() as home, MockHub({"org/tiny": GGUFS}) as hub:
        serve = on("/cdn/", times=2)(lambda h, handler, _: h.send_file(handler, BIG, etag='"one"'))
        change = on("/cdn/")(lambda h, handler, _: h.send_file(handler, BIG[::-1], etag='"two"'))
        hub.faults = [serve, change]
        expect_refused(pull(home, hub, hub.url + "/cdn/org/tiny/tiny-Q4_K_M.gguf", connections="1"), "was changed")
        hub.faults = [on("/cdn/")(lambda h, handler, _: h.send_file(handler, BIG, etag='"three"'))]
        result = pull(home, hub, hub.url + "/cdn/org/tiny/tiny-Q4_K_M.gguf")
        expect(result.code == 0, result)
        with open(result.out.strip(), "rb") as file:
            expect(file.read() == BIG)


def tokens_open_doors_and_stay_at_home():
    token = "hf_secret_" + "x" * 20
    with Home() as home, MockHub({"org/tiny": GGUFS}) as cdn:
        with MockHub({"org/tiny": GGUFS}, token=token, cdn=cdn) as hub:
            closed = pull(home, hub, "org/tiny:Q4_K_M")
            expect_refused(closed, "401", "HF_TOKEN")
            wrong = pull(home, hub, "org/tiny:Q4_K_M", environment={"HF_TOKEN": "hf_wrong_token"})
            expect_refused(wrong, "HF_TOKEN")
            expect("hf_wrong_token" not in wrong.err + wrong.out, wrong)
            home.file(".cache/huggingface/token", token + "\n")
            opened = pull(home, hub, "org/tiny:Q4_K_M", "--json")
            expect(opened.code == 0 and token not in opened.out + opened.err, opened)
            expect(all("Authorization" not in headers for _, headers in cdn.log) and cdn.log, cdn.log)
            expect(any("Authorization" in headers for path, headers in hub.log if "/resolve/" in path))
            for folder, _, names in os.walk(store(home)):
                for name in names:
                    with open(os.path.join(folder, name), "rb") as file:
                        expect(token.encode() not in file.read(), name)
    refused = home_without_tls = None
    with Home() as home:
        refused = home.tael("pull", "org/tiny", HF_ENDPOINT="http://mirror.invalid", HF_TOKEN=token)
        expect_refused(refused, "not sent over http")
        home_without_tls = home.tael("pull", "https://user:secret@127.0.0.1/x.gguf")
        expect_refused(home_without_tls, "user name")
        expect("secret" not in home_without_tls.err, home_without_tls)


def certificates_are_checked():
    with Home() as home:
        certificate, authority = make_certificate(home.path)
        with MockHub({"org/tiny": GGUFS}, certificate=certificate) as hub:
            expect_refused(pull(home, hub, "org/tiny:Q8_0"), "certificate", "SSL_CERT_FILE")
            known = {"SSL_CERT_FILE": authority}
            expect(pull(home, hub, "org/tiny:Q8_0", environment=known).code == 0)
            other = hub.url.replace("127.0.0.1", "localhost")  # the certificate is not for this name
            expect_refused(home.tael("pull", "org/tiny:Q8_0", HF_ENDPOINT=other, no_proxy="localhost", **known),
                           "certificate")
            with MockHub({"org/tiny": GGUFS}) as plain:
                hub.cdn = plain
                expect_refused(pull(home, hub, "org/tiny:Q4_K_M", environment=known), "https to http")


def what_cannot_run_here_is_refused_before_its_weights():
    config = json.loads(read("llama3", "config.json"))
    unknown = json.dumps({**config, "architectures": ["NobodyForCausalLM"], "model_type": "nobody"}).encode()
    weights = read("llama3", "model.safetensors") + bytes(0)
    huge = BIG + random.Random(2).randbytes(30 * MB)
    repos = {"org/new": {"config.json": unknown, "model.safetensors": weights},
             "org/tiny": GGUFS, "org/broken": {"x-Q4_0.gguf": b"GGUF" + b"\xff" * (9 * MB)},
             "org/none": {"x-Q4_0.gguf": b"not a model" * 500_000}, "org/huge": {"h-Q4_0.gguf": huge}}
    with Home() as home, MockHub(repos) as hub:
        expect_refused(pull(home, hub, "org/new"), "NobodyForCausalLM", "--force")
        for name in ("org/broken", "org/none"):
            expect_refused(pull(home, hub, name), "is no GGUF file")
        before = hub.file_bytes
        result = pull(home, hub, "org/tiny:Q4_K_M", "--set=run.memory=1M")
        expect_refused(result, "--memory", "The plan:", "org/tiny:Q4_K_M", "--force")
        expect(hub.file_bytes - before <= 2 * MB and stored(home) == {}, hub.file_bytes - before, stored(home))
        forced = pull(home, hub, "org/tiny:Q4_K_M", "--set=run.memory=1M", "--force")
        expect(forced.code == 0 and "warning" in forced.err, forced)
        expect_refused(pull(home, hub, "org/tiny:Q8_0", keep_free="900T"), "stay free", "TAEL_MODELS")
        before = hub.file_bytes
        expect_refused(home.tael("pull", "org/new", "--set=hub.source=huggingface", HF_ENDPOINT=hub.url,
                                 TAEL_MODELS="/proc/none"), "/proc/none")


def what_an_interrupted_pull_left_can_be_removed():
    with Home() as home, MockHub({"org/tiny": GGUFS}) as hub:
        hub.faults = [cut_after("/cdn/", 3 * MB, BIG, times=2), status("/cdn/", 403)]
        expect_refused(pull(home, hub, "org/tiny:Q4_K_M", connections="1"), "403")
        expect(stored(home) != {}, "parts are kept")
        removed = home.tael("rm", "org/tiny:Q4_K_M", "--yes")
        expect(removed.code == 0 and stored(home) == {}, removed, stored(home))


def quiet_prints_the_path_and_text_says_what_happens():
    with Home() as home, MockHub({"org/tiny": GGUFS}) as hub:
        result = pull(home, hub, "org/tiny:Q8_0", "--quiet")
        expect(result.code == 0 and result.err == "" and result.out.count("\n") == 1, result)
        shown = pull(home, hub, "org/tiny:Q4_K_M")
        expect("is ready, 11." in shown.err and "SHA-256 checked" in shown.err and "\x1b" not in shown.err, shown)


def complete(home, line, bash="bash"):
    script = (f'PATH={os.path.dirname(TAEL)}:$PATH; source <(tael completions bash); COMP_LINE="{line}"; '
              'COMP_POINT=${#COMP_LINE}; _tael; printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run([bash, "-c", script], env=home.environment(), capture_output=True, text=True, check=False)
    expect(done.returncode == 0 and done.stderr == "", done.stderr)
    return done.stdout.split()


def bash_completes_commands_options_values_and_models():
    with Home() as home, MockHub({"org/tiny": GGUFS}) as hub:
        expect(pull(home, hub, "org/tiny:Q8_0").code == 0)
        expect(complete(home, "tael pu") == ["pull"], complete(home, "tael pu"))
        expect({"run", "chat", "list"} <= set(complete(home, "tael ")))
        expect(complete(home, "tael run --max-t") == ["--max-tokens"])
        expect(complete(home, "tael run --kv q") == ["q8_0"])
        expect(complete(home, "tael run --kv ") == ["auto", "f32", "f16", "bf16", "q8_0"])
        expect(complete(home, "tael run org/") == ["org/tiny:Q8_0"], complete(home, "tael run org/"))
        expect(complete(home, "tael run org/tiny:Q") == ["Q8_0"], complete(home, "tael run org/tiny:Q"))
        expect(complete(home, "tael eval pe") == ["perplexity"], complete(home, "tael eval pe"))
        expect(complete(home, "tael --config x ru") == ["run"])
        expect(complete(home, "tael completions f") == ["fish"])


def other_shells_can_read_their_scripts():
    with Home() as home:
        for shell, words in (("zsh", ["zsh", "-n"]), ("fish", ["fish", "-n"])):
            script = home.tael("completions", shell)
            expect(script.code == 0 and "max-tokens" in script.out, shell)
            path = home.file("completions." + shell, script.out)
            try:
                done = subprocess.run([*words, path], capture_output=True, text=True, check=False)
            except FileNotFoundError:
                continue
            expect(done.returncode == 0, done.stderr)
        expect(home.tael("completions", "tcsh").code == 2)


if __name__ == "__main__":
    try:
        subprocess.run(["openssl", "version"], check=True, capture_output=True)
    except FileNotFoundError as missing:
        raise Skip("openssl makes the certificates of this test") from missing
    main([a_quantisation_is_pulled_listed_run_and_removed, safetensors_come_with_what_a_run_needs_and_nothing_else,
          shards_are_those_of_the_index, modelscope_speaks_its_own_protocol,
          a_url_gives_a_file_or_its_whole_split_set, what_is_on_this_disk_is_linked, a_choice_is_explained,
          connections_are_parallel_and_cuts_are_resumed_where_they_were, a_killed_pull_goes_on,
          two_pulls_of_one_model_do_not_meet, damaged_bytes_are_fetched_once_more_and_then_refused,
          servers_that_lie_are_refused, names_that_lead_out_of_the_store_are_refused,
          trouble_that_passes_is_waited_out, a_server_without_ranges_is_read_as_one_stream,
          a_file_that_changes_between_its_pieces_is_refused, tokens_open_doors_and_stay_at_home,
          certificates_are_checked, what_cannot_run_here_is_refused_before_its_weights,
          what_an_interrupted_pull_left_can_be_removed, quiet_prints_the_path_and_text_says_what_happens,
          bash_completes_commands_options_values_and_models, other_shells_can_read_their_scripts])
