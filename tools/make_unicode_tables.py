#!/usr/bin/env python3
"""Writes src/text/unicode_tables.cc from the Unicode Character Database.

Debian's package unicode-data holds the database; version 15.0 is what the committed table was made
from. Run: tools/make_unicode_tables.py [DATABASE_FOLDER] > src/text/unicode_tables.cc
"""
import sys

SIZE = 0x110000
BLOCK = 128
CATEGORY_BIT = {"Lu": 0, "Ll": 1, "Lt": 2, "Lm": 3, "Lo": 4}
GROUP_BIT = {"M": 5, "N": 6, "P": 7, "S": 8}
SPACE_BIT, HAN_BIT, WORD_BIT = 9, 10, 11
QUICK_CHECK_BIT = {"NFC_QC": 8, "NFKC_QC": 9, "NFD_QC": 10, "NFKD_QC": 11}


def read_ranges(path):
    """Yields (first, last, fields after the code point) of a property file."""
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            fields = [field.strip() for field in line.split("#")[0].split(";")]
            if len(fields) < 2:
                continue
            first, _, last = fields[0].partition("..")
            yield int(first, 16), int(last or first, 16), fields[1:]


class Database:
    def __init__(self, folder):
        self.classes = [0] * SIZE
        self.norm = [0] * SIZE       # low byte: combining class; then the quick-check bits
        self.mapping = {}            # code point -> (is compatibility mapping, code points)
        self.lower = {}
        self.excluded = set()
        self.read_characters(folder)
        self.read_properties(folder)

    def read_characters(self, folder):
        range_first = None
        with open(folder + "/UnicodeData.txt", encoding="utf-8") as lines:
            for line in lines:
                field = line.rstrip("\n").split(";")
                point, name, category = int(field[0], 16), field[1], field[2]
                if name.endswith(", First>"):
                    range_first = point
                    continue
                first = range_first if name.endswith(", Last>") else point
                range_first = None
                for each in range(first, point + 1):
                    self.add_category(each, category)
                    self.norm[each] |= int(field[3])
                if field[5]:
                    parts = field[5].split()
                    compat = parts[0].startswith("<")
                    self.mapping[point] = (compat, [int(p, 16) for p in parts[compat:]])
                if field[13]:
                    self.lower[point] = int(field[13], 16)

    def add_category(self, point, category):
        if category in CATEGORY_BIT:
            self.classes[point] |= 1 << CATEGORY_BIT[category]
        elif category[0] in GROUP_BIT:
            self.classes[point] |= 1 << GROUP_BIT[category[0]]
        if category[0] == "M" or category in ("Nd", "Pc"):
            self.classes[point] |= 1 << WORD_BIT

    def set_bit(self, first, last, bit):
        for point in range(first, last + 1):
            self.classes[point] |= 1 << bit

    def read_properties(self, folder):
        for first, last, (name, *_) in read_ranges(folder + "/PropList.txt"):
            if name == "White_Space":
                self.set_bit(first, last, SPACE_BIT)
            elif name == "Join_Control":
                self.set_bit(first, last, WORD_BIT)
        for first, last, (name, *_) in read_ranges(folder + "/Scripts.txt"):
            if name == "Han":
                self.set_bit(first, last, HAN_BIT)
        for first, last, (name, *_) in read_ranges(folder + "/DerivedCoreProperties.txt"):
            if name == "Alphabetic":
                self.set_bit(first, last, WORD_BIT)
        for first, last, fields in read_ranges(folder + "/DerivedNormalizationProps.txt"):
            for point in range(first, last + 1):
                if fields[0] in QUICK_CHECK_BIT:
                    self.norm[point] |= 1 << QUICK_CHECK_BIT[fields[0]]
                elif fields[0] == "Full_Composition_Exclusion":
                    self.excluded.add(point)

    def decompose(self, point, compat):
        entry = self.mapping.get(point)
        if entry is None or (entry[0] and not compat):
            return [point]
        return [part for each in entry[1] for part in self.decompose(each, compat)]


def two_stage(values):
    """(block index of each block of BLOCK code points, the distinct blocks joined)."""
    blocks, index, seen = [], [], {}
    for start in range(0, SIZE, BLOCK):
        block = tuple(values[start:start + BLOCK])
        if block not in seen:
            seen[block] = len(seen)
            blocks.extend(block)
        index.append(seen[block])
    return index, blocks


def emit(kind, name, values):
    print(f"const {kind} {name}[{len(values)}] = {{")
    line = "   "
    for value in values:
        text = f" {value},"
        if len(line) + len(text) > 100:
            print(line)
            line = "   "
        line += text
    print(line)
    print("};\n")


def emit_two_stage(name, values):
    index, blocks = two_stage(values)
    emit("uint16_t", f"k{name}Index", index)
    emit("uint16_t", f"k{name}Blocks", blocks)


def emit_decompositions(data):
    """Offsets into one pool; slot 0 = no decomposition. A pool entry begins with its length."""
    pool, canonical, compat, known = [0], [0] * SIZE, [0] * SIZE, {}
    for point in data.mapping:
        for table, is_compat in ((canonical, False), (compat, True)):
            parts = tuple(data.decompose(point, is_compat))
            if parts == (point,):
                continue
            if parts not in known:
                known[parts] = len(pool)
                pool.extend((len(parts),) + parts)
            table[point] = known[parts]
    assert len(pool) < 65536
    emit_two_stage("Canonical", canonical)
    emit_two_stage("Compat", compat)
    emit("uint32_t", "kDecompositionPool", pool)


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else "/usr/share/unicode"
    data = Database(folder)
    print("// Unicode 15.0 properties, generated by tools/make_unicode_tables.py: do not edit.\n"
          "// Two-stage tables: k...Blocks[k...Index[c / 128] * 128 + c % 128].\n"
          '#include "text/unicode_tables.h"\n\nnamespace tael::unicode {\n\n// clang-format off\n')
    emit_two_stage("Class", data.classes)
    emit_two_stage("Norm", data.norm)
    emit_decompositions(data)
    pairs = sorted((parts[0], parts[1], point) for point, (compat, parts) in data.mapping.items()
                   if not compat and len(parts) == 2 and point not in data.excluded)
    emit("uint32_t", "kComposition", [value for row in pairs for value in row])
    print(f"const int kCompositionCount = {len(pairs)};\n")
    rows = sorted(data.lower.items())
    emit("uint32_t", "kLowercase", [value for row in rows for value in row])
    print(f"const int kLowercaseCount = {len(rows)};\n")
    print("// clang-format on\n\n}  // namespace tael::unicode")


main()
