#!/usr/bin/env python3
"""lm-eval as it comes from PyPI against tael serve: log-likelihoods and generation over local task files."""

import json
import os
import subprocess

from harness import Skip, expect, tael
from serving import CLIENTS, Server, main_with_clients

ROWS = [{"q": "The capital of France is", "choices": ["Paris", "banana", "seven"], "label": 0},
        {"q": "The opposite of hot is", "choices": ["green", "cold", "Monday"], "label": 1},
        {"q": "Two, four, six,", "choices": ["horse", "purple", "eight"], "label": 2}]
CHOICE = """task: tiny_choice
dataset_path: json
dataset_kwargs: {data_files: {test: %s}}
output_type: multiple_choice
test_split: test
doc_to_text: "{{q}}"
doc_to_choice: "{{choices}}"
doc_to_target: "{{label}}"
metric_list: [{metric: acc}]
"""
GENERATE = """task: tiny_generate
dataset_path: json
dataset_kwargs: {data_files: {test: %s}}
output_type: generate_until
test_split: test
doc_to_text: "{{q}}"
doc_to_target: "{{choices[label]}}"
generation_kwargs: {until: ["."], max_gen_toks: 6, temperature: 0}
metric_list: [{metric: exact_match}]
"""


def samples(folder, task):
    for place, _, names in os.walk(folder):
        for name in names:
            if name.startswith(f"samples_{task}"):
                with open(os.path.join(place, name), encoding="utf-8") as file:
                    return sorted((json.loads(line) for line in file), key=lambda row: row["doc_id"])
    return []


def log_likelihoods_and_generation():
    model = os.environ.get("TAEL_MODEL_SMOLLM2")
    if not model:
        raise Skip("TAEL_MODEL_SMOLLM2 does not name the quick-start model")
    with Server(models=[model]) as server:
        tasks = os.path.join(server.home.path, "tasks")
        rows = server.home.file("tasks/rows.jsonl", "\n".join(json.dumps(row) for row in ROWS) + "\n")
        server.home.file("tasks/choice.yaml", CHOICE % rows)
        server.home.file("tasks/generate.yaml", GENERATE % rows)
        name = server.get("/v1/models").json()["data"][0]["id"]
        out = os.path.join(server.home.path, "out")
        # Nothing is fetched: the tokenizer is the server's, the rows are a file.
        done = subprocess.run(
            [os.path.join(CLIENTS, "venv/bin/lm_eval"), "--model", "local-completions", "--model_args",
             f"model={name},base_url={server.url}/v1/completions,tokenizer_backend=remote,num_concurrent=2,max_retries=1",
             "--tasks", "tiny_choice,tiny_generate", "--include_path", tasks, "--output_path", out, "--log_samples"],
            env=server.home.environment(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1"),
            capture_output=True, timeout=400, check=False)
        expect(done.returncode == 0, done.stdout.decode()[-2000:], done.stderr.decode()[-3000:])
        found = samples(out, "tiny_choice")
        expect(len(found) == 3 and all(row["acc"] == 1.0 for row in found), found)
        # The same number as the program itself gives.
        logged = float(found[0]["filtered_resps"][0][0])
        own = server.home.tael("run", model, "The capital of France is Paris", "--json", "--max-tokens", "1",
                               "--prompt-logprobs", "0").json()
        expect(abs(logged - own["prompt_logprobs"][-1]["logprob"]) < 1e-6, logged, own["prompt_logprobs"][-1])
        text = samples(out, "tiny_generate")[0]["resps"][0][0]
        expect(text.strip().startswith("Paris"), text)


main_with_clients([log_likelihoods_and_generation])
