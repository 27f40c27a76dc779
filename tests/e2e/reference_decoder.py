"""A dense decoder in plain Python floats (float64), written for clarity and independent of Tael.

Row vectors are lists; a matrix [out, in] is a list of rows. Formulas: RMSNorm arXiv:1910.07467, rope
arXiv:2104.09864 in the half-split pairing, YaRN arXiv:2309.00071, SwiGLU arXiv:2002.05202.
"""

import math


def matvec(weight, x, bias=None):
    out = [sum(map(lambda a, b: a * b, row, x)) for row in weight]
    return [o + b for o, b in zip(out, bias)] if bias else out


def rms_norm(x, weight, eps):
    scale = 1.0 / math.sqrt(sum(v * v for v in x) / len(x) + eps)
    return [v * scale * w for v, w in zip(x, weight)]


def yarn_ramp(dim, theta, scaling, max_positions):
    """For each pair the share of the unscaled frequency that stays."""
    original = scaling.get("original_max_position_embeddings", max_positions)

    def dimension_of(turns):
        return dim * math.log(original / (turns * 2 * math.pi)) / (2 * math.log(theta))

    low = max(math.floor(dimension_of(scaling.get("beta_fast", 32))), 0)
    high = min(math.ceil(dimension_of(scaling.get("beta_slow", 1))), dim - 1)
    if low == high:
        high += 0.001
    return [1 - min(max((i - low) / (high - low), 0), 1) for i in range(dim // 2)]


def rope_frequencies(config, dim):
    """Frequencies of the pairs, and the factor of cosine and sine."""
    theta = config.get("rope_theta", 10000.0)
    plain = [theta ** (-2 * i / dim) for i in range(dim // 2)]
    scaling = config.get("rope_scaling") or {}
    kind = scaling.get("rope_type", scaling.get("type", "default"))
    if kind == "default":
        return plain, 1.0
    factor = scaling["factor"]
    if kind == "linear":
        return [f / factor for f in plain], 1.0
    if kind == "yarn":
        ramp = yarn_ramp(dim, theta, scaling, config["max_position_embeddings"])
        mixed = [f / factor * (1 - keep) + f * keep for f, keep in zip(plain, ramp)]
        return mixed, 0.1 * math.log(factor) + 1 if factor > 1 else 1.0
    assert kind == "llama3"
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    out = []
    for f in plain:
        turns = scaling["original_max_position_embeddings"] * f / (2 * math.pi)
        smooth = min(max((turns - low) / (high - low), 0), 1)
        out.append((1 - smooth) * f / factor + smooth * f)
    return out, 1.0


def rotate(x, position, frequencies, factor):
    half = len(x) // 2
    out = list(x)
    for i, f in enumerate(frequencies):
        c, s = math.cos(position * f) * factor, math.sin(position * f) * factor
        out[i], out[i + half] = x[i] * c - x[i + half] * s, x[i + half] * c + x[i] * s
    return out


def window_of(config, layer):
    """How many positions a layer sees, itself included; 0 = all."""
    if config["model_type"] == "mistral":
        return config.get("sliding_window") or 0
    if not config.get("use_sliding_window") or layer < config["max_window_layers"]:
        return 0
    return config["sliding_window"]


def attend(queries, keys, values, window, scale):
    """One head: causal attention of every position over those it may see."""
    out = []
    for t, q in enumerate(queries):
        first = max(0, t + 1 - window) if window else 0
        scores = [scale * sum(a * b for a, b in zip(q, keys[s])) for s in range(first, t + 1)]
        top = max(scores)
        weights = [math.exp(s - top) for s in scores]
        total = sum(weights)
        head = [0.0] * len(values[0])
        for weight, value in zip(weights, values[first:t + 1]):
            for i, v in enumerate(value):
                head[i] += weight / total * v
        out.append(head)
    return out


def attention(config, get, layer, rows):
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    dim = config.get("head_dim") or config["hidden_size"] // heads
    frequencies, factor = rope_frequencies(config, dim)

    def project(name, count, rotated):
        weight, bias = get(f"self_attn.{name}_proj.weight"), get(f"self_attn.{name}_proj.bias")
        norm = get(f"self_attn.{name}_norm.weight")
        out = []
        for position, row in enumerate(rows):
            flat = matvec(weight, row, bias)
            each = [flat[h * dim:(h + 1) * dim] for h in range(count)]
            if norm:
                each = [rms_norm(head, norm, config["rms_norm_eps"]) for head in each]
            if rotated:
                each = [rotate(head, position, frequencies, factor) for head in each]
            out.append(each)
        return [[out[t][h] for t in range(len(rows))] for h in range(count)]

    q, k, v = project("q", heads, True), project("k", kv_heads, True), project("v", kv_heads, False)
    share, window = heads // kv_heads, window_of(config, layer)
    mixed = [attend(q[h], k[h // share], v[h // share], window, dim ** -0.5) for h in range(heads)]
    weight, bias = get("self_attn.o_proj.weight"), get("self_attn.o_proj.bias")
    return [matvec(weight, [x for head in mixed for x in head[t]], bias) for t in range(len(rows))]


def feed_forward(get, row):
    gate = matvec(get("mlp.gate_proj.weight"), row, get("mlp.gate_proj.bias"))
    up = matvec(get("mlp.up_proj.weight"), row, get("mlp.up_proj.bias"))
    inner = [g / (1 + math.exp(-g)) * u for g, u in zip(gate, up)]
    return matvec(get("mlp.down_proj.weight"), inner, get("mlp.down_proj.bias"))


def forward(config, weights, ids):
    """Logits of every position, and the residual stream after the embedding and after each layer."""
    eps = config["rms_norm_eps"]
    embedding = weights["model.embed_tokens.weight"]
    x = [list(embedding[i]) for i in ids]
    hidden = [x]
    for layer in range(config["num_hidden_layers"]):
        def get(name, prefix=f"model.layers.{layer}."):
            return weights.get(prefix + name)

        normed = [rms_norm(row, get("input_layernorm.weight"), eps) for row in x]
        mixed = attention(config, get, layer, normed)
        x = [[a + b for a, b in zip(row, m)] for row, m in zip(x, mixed)]
        normed = [rms_norm(row, get("post_attention_layernorm.weight"), eps) for row in x]
        x = [[a + b for a, b in zip(row, feed_forward(get, n))] for row, n in zip(x, normed)]
        hidden.append(x)
    head = weights.get("lm_head.weight") or embedding
    return [matvec(head, rms_norm(row, weights["model.norm.weight"], eps)) for row in x], hidden
