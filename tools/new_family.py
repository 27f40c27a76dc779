#!/usr/bin/env python3
"""Begins a model family: a file in src/model/families and its line in families.cc.

    tools/new_family.py SeedOssForCausalLM path/to/config.json

The file is written from the configuration: experts if it names any, biases as its keys say. What
it cannot know is listed at the end: keys that no shared reader reads. `tael inspect MODEL` then
says what is still missing, key by key and tensor by tensor. docs/howto/add-a-model.md goes through
it once with a real family.
"""

import argparse
import json
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FAMILIES = os.path.join(ROOT, "src/model/families")
TABLE = os.path.join(ROOT, "src/model/families.cc")
READERS = ["src/model/read_config.cc", "src/model/read_experts.cc"]
COUNT_KEYS = ["num_experts", "n_routed_experts", "num_local_experts", "moe_num_experts"]
TOP_KEYS = ["num_experts_per_tok", "moe_topk", "moe_k"]

SKELETON = """// {title}: Llama's layers{differences}.
// Unverified: no reference output has been compared yet.
// Source: the model's config.json.
#include "model/families.h"

namespace tael {{
namespace {{

DecoderSpec Describe{camel}(const ConfigView& c) {{
  GqaSpec gqa = ReadGqa(c);
{attention}
  DecoderSpec spec = ReadCommon(c);
  spec.family = "{dashed}";
  spec.layers = ReadWindowedLayers(c, gqa, {dense});
{experts}  return spec;
}}

}}  // namespace

extern const Family k{camel};
const Family k{camel}{{"{architecture}", &Describe{camel}, {{}}}};

}}  // namespace tael
"""


def names(architecture):
    """"SeedOssForCausalLM" -> ("SeedOss", "seed-oss", "seed_oss")."""
    stem = re.sub(r"(Model)?For(CausalLM|ConditionalGeneration)$", "", architecture)
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]*|\d+|[a-z]+", stem)
    lower = [word.lower() for word in words]
    return "".join(word[:1].upper() + word[1:] for word in words), "-".join(lower), "_".join(lower)


def read_keys():
    """Configuration keys that the shared readers mention."""
    keys = set()
    for path in READERS:
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            keys.update(re.findall(r'"([a-z_0-9]+)"', file.read()))
    return keys


def make_source(architecture, config):
    camel, dashed, _ = names(architecture)
    attention, used = [], set()
    if "attention_bias" in config:
        attention.append('  gqa.qkv_bias = c.Bool("attention_bias", false);')
        used.add("attention_bias")
    experts, dense = "", "ReadDenseFfn(c)"
    count = next((key for key in COUNT_KEYS if key in config), None)
    top = next((key for key in TOP_KEYS if key in config), None)
    if count and top:
        width = "moe_intermediate_size" if "moe_intermediate_size" in config else "intermediate_size"
        experts = (f'  const MoeFfnSpec moe = ReadExperts(c, {{"{count}", "{top}", "{width}"}});\n'
                   "  UseExperts(c, moe, [](int) { return true; }, &spec.layers);\n")
        dense = "{}"
        used.update((count, top, width))
    differences = ", experts" if experts else ""
    source = SKELETON.format(title=camel, differences=differences, camel=camel, dashed=dashed, dense=dense,
                             architecture=architecture, experts=experts,
                             attention="\n".join(attention) + ("\n" if attention else ""))
    return source, used


def enter(camel):
    with open(TABLE, encoding="utf-8") as file:
        text = file.read()
    if f"&k{camel}," in text:
        sys.exit(f"families.cc already has k{camel}")
    first = text.index("extern const Family ")
    text = text[:first] + f"extern const Family k{camel};\n" + text[first:]
    end = text.index("};\n// clang-format on")
    text = text[:end] + f"    &k{camel},\n" + text[end:]
    with open(TABLE, "w", encoding="utf-8") as file:
        file.write(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("architecture", help="config.json's \"architectures\"[0]")
    parser.add_argument("config", help="the model's config.json")
    options = parser.parse_args()
    with open(options.config, encoding="utf-8") as file:
        config = json.load(file)
    named = config.get("architectures", [options.architecture])[0]
    if named != options.architecture:
        sys.exit(f"{options.config}: architectures is '{named}', needed '{options.architecture}'")
    camel, _, snake = names(options.architecture)
    path = os.path.join(FAMILIES, snake + ".cc")
    if os.path.exists(path):
        sys.exit(f"{path} is already there")
    source, used = make_source(options.architecture, config)
    with open(path, "w", encoding="utf-8") as file:
        file.write(source)
    enter(camel)
    unread = sorted(set(config) - read_keys() - used)
    print(f"wrote src/model/families/{snake}.cc and its line in src/model/families.cc")
    print("keys that nothing reads yet: " + (", ".join(unread) or "none"))
    print("next: build, `tael inspect MODEL` until it opens, a golden, `tael verify GOLDEN`")


if __name__ == "__main__":
    main()
