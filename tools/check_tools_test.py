#!/usr/bin/env python3
"""Seeds one violation of every rule and expects the checks of the tree to find it."""

import tempfile
import unittest
from collections.abc import Callable
from pathlib import Path

import check_docs
import check_layers
import check_size

LAYERS = """[folders]
base    = { level = 0, uses = [] }
quant   = { level = 1, uses = ["base"] }
kernels = { level = 2, uses = ["base", "quant"] }
ops     = { level = 4, uses = ["base", "kernels"] }
model   = { level = 6, uses = ["base", "ops"] }
"""


def in_tree(files: dict[str, str], check: Callable[[Path], list[str]], layers: str = LAYERS) -> list[str]:
    """What `check` says about a temporary source tree made of `files`."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {"tools/layers.toml": layers, "CMakeLists.txt": "", **files}.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return check(Path(folder))


def layer_problems(files: dict[str, str], layers: str = LAYERS) -> list[str]:
    return in_tree(files, check_layers.check_tree, layers)


def size_problems(files: dict[str, str]) -> list[str]:
    return in_tree(files, lambda root: check_size.check_tree(root)[0])


class LayersTest(unittest.TestCase):
    def expect(self, name: str, text: str, words: str) -> None:
        """The tree is clean without the file and has exactly one problem, about `words`, with it."""
        problems = layer_problems({name: text})
        self.assertEqual(len(problems), 1, problems)
        self.assertIn(words, problems[0])

    def expect_clean(self, name: str, text: str) -> None:
        self.assertEqual(layer_problems({name: text}), [])

    def test_clean_tree_passes(self) -> None:
        self.expect_clean("src/ops/a.cc", '#include "base/error.h"\n#include <vector>\nint a;\n')

    def test_upward_include(self) -> None:
        self.expect("src/kernels/a.h", '#include "ops/b.h"\n', "may not include 'ops/b.h'")

    def test_include_of_a_lower_folder_that_is_not_listed(self) -> None:
        self.expect("src/ops/a.cc", '#include "quant/b.h"\n', "may not include 'quant/b.h'")

    def test_table_with_an_upward_edge(self) -> None:
        table = LAYERS.replace('base    = { level = 0, uses = [] }', 'base    = { level = 0, uses = ["ops"] }')
        self.assertIn("'base' (level 0) uses 'ops'", layer_problems({}, table)[0])

    def test_table_with_an_unknown_folder(self) -> None:
        self.assertIn("no row", layer_problems({}, LAYERS.replace('["base", "ops"]', '["ghost"]'))[0])

    def test_folder_without_a_row(self) -> None:
        self.expect("src/stray/a.cc", "int a;\n", "no row in tools/layers.toml")

    def test_json_library_in_a_header(self) -> None:
        self.expect("src/base/a.h", "#include <nlohmann/json.hpp>\n", "only in .cc files")
        self.expect_clean("src/base/a.cc", "#include <nlohmann/json.hpp>\n")

    def test_vector_intrinsics_outside_isa(self) -> None:
        self.expect("src/ops/a.cc", "#include <immintrin.h>\n", "only in kernels/isa")
        self.expect_clean("src/kernels/isa/a.h", "#include <immintrin.h>\n")

    def test_containers_in_kernels(self) -> None:
        self.expect("src/kernels/a.cc", "#include <vector>\n", "kernels include only")
        self.expect_clean("src/kernels/a_test.cc", "#include <vector>\n")

    def test_threads_in_a_family(self) -> None:
        self.expect("src/model/families/a.cc", "#include <thread>\n", "families are data")

    def test_family_names(self) -> None:
        self.expect("src/ops/a.cc", "// as Qwen3 does\n", "names a model family")
        self.expect("src/ops/a.cc", "int use_yi_layout;\n", "names a model family")
        self.expect("src/kernels/a.cc", "void kDeepSeekNorm();\n", "names a model family")
        self.expect_clean("src/ops/a.cc", "int trying; // a minimax polynomial, graphics\n")

    def test_libm(self) -> None:
        self.expect("src/ops/a.cc", "float a = std::exp(1.0f);\n", "libm")
        self.expect("src/quant/a.cc", "float a = powf(1.0f, 2.0f);\n", "libm")
        for folder in sorted(check_layers.EXACT_FOLDERS):
            problems = layer_problems({f"src/{folder}/deep/a.h": "inline double A() { return tanh(1.0); }\n"})
            self.assertTrue(any("libm" in problem for problem in problems), folder)
        self.assertLessEqual({"kernels", "ops", "nn", "model", "engine", "spec", "kv"}, check_layers.EXACT_FOLDERS)
        self.expect_clean("src/ops/a.cc", "float a = Exp(1.0f) + table.log(2); // exp(x)\n")
        self.expect_clean("src/ops/a_test.cc", "float a = std::exp(1.0f);\n")

    def test_process_state_outside_app(self) -> None:
        self.expect("src/base/a.cc", 'auto a = std::getenv("A");\n', "only in app")
        self.expect("src/base/a.cc", 'void A() { std::cout << 1; }\n', "only in app")
        self.expect("src/base/a.cc", "void A() { exit(1); }\n", "only in app")
        self.expect_clean("src/kernels/dispatch.cc", 'auto a = std::getenv("A");\n')
        self.expect_clean("src/base/a.cc", 'auto a = "exit(1)"; void B() { fmt::print(stderr, "x"); }\n')

    def test_machine_paths_and_registry_hosts(self) -> None:
        self.expect("docs/a.md", "see " + "/wo" + "rk/x\n", "ties the tree")
        self.expect("scripts/a.sh", "curl https://" + "pypi" + ".org\n", "ties the tree")


class DocsTest(unittest.TestCase):
    def test_dead_link(self) -> None:
        found = in_tree({"README.md": "[a](CMakeLists.txt) [b](docs/no.md)"}, check_docs.dead_links)
        self.assertEqual(found, ["README.md: dead link docs/no.md"])


class SizesTest(unittest.TestCase):
    def test_long_file(self) -> None:
        self.assertIn("801 lines", size_problems({"src/base/a.cc": "\n" * 801})[0])
        self.assertEqual(size_problems({"src/base/a.cc": "\n" * 800}), [])

    def test_long_function(self) -> None:
        for head in ("void A(int b) {", "void A::B() const {", "TEST(A, B) {", "A::A(int b) : b_{b} {"):
            text = "namespace tael {\n" + head + "\n" + "  if (x) { y(); }\n" * 59 + "}\n}\n"
            found = size_problems({"src/base/a.cc": text})
            self.assertEqual(len(found), 1, head)
            self.assertIn("61 lines", found[0])

    def test_function_at_the_limit(self) -> None:
        text = "void A(int b) {\n" + "  f('{');\n" * 58 + "}\nint kTable[] = {\n" + "  1,\n" * 90 + "};\n"
        self.assertEqual(size_problems({"src/base/a.cc": text}), [])

    def test_long_python_function(self) -> None:
        self.assertIn("61 lines", size_problems({"tools/a.py": "def a():\n" + "    b()\n" * 60})[0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
