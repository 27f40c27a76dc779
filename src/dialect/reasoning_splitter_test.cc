#include "dialect/reasoning_splitter.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>

namespace tael {
namespace {

const ReasoningTags& TagsNamed(std::string_view name) {
  for (const ReasoningTags& tags : AllReasoningTags()) {
    if (tags.name == name) return tags;
  }
  ADD_FAILURE() << "no dialect " << name;
  return AllReasoningTags()[0];
}

struct Split {
  std::string reasoning, answer;
  bool operator==(const Split&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Split& split) {
  return out << "[" << split.reasoning << "][" << split.answer << "]";
}

Split Cut(const ReasoningTags* tags, ReasoningStart start, const std::vector<std::string>& texts) {
  ReasoningSplitter splitter(tags, start);
  Split split;
  const auto add = [&](const std::vector<ReasoningSplitter::Piece>& pieces) {
    for (const auto& piece : pieces) {
      EXPECT_FALSE(piece.text.empty());
      (piece.reasoning ? split.reasoning : split.answer) += piece.text;
    }
  };
  for (const std::string& text : texts) add(splitter.Push(text));
  add(splitter.Finish());
  return split;
}

// The text at once, byte by byte, and cut in two at every place: always the same.
Split CutEveryWay(const ReasoningTags* tags, ReasoningStart start, const std::string& text) {
  const Split whole = Cut(tags, start, {text});
  std::vector<std::string> bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    bytes.push_back(text.substr(i, 1));
    EXPECT_EQ(Cut(tags, start, {text.substr(0, i), text.substr(i)}), whole) << "cut at " << i;
  }
  EXPECT_EQ(Cut(tags, start, bytes), whole) << "byte by byte";
  return whole;
}

TEST(ReasoningSplitter, ModelThatOpensItsReasoning) {
  const ReasoningTags& think = TagsNamed("think");
  const auto cut = [&](const std::string& text) {
    return CutEveryWay(&think, ReasoningStart::kModelDecides, text);
  };
  EXPECT_EQ(cut("<think>\nWhy?\n\nSo.\n</think>\n\nYes."), (Split{"Why?\n\nSo.", "Yes."}));
  EXPECT_EQ(cut("\n <think>a</think>b"), (Split{"a", "b"}));
  EXPECT_EQ(cut("<think>\n\n</think>\n\nYes."), (Split{"", "Yes."}));
  EXPECT_EQ(cut("Yes. <think>no</think>"), (Split{"", "Yes. <think>no</think>"}));
  EXPECT_EQ(cut("  two spaces"), (Split{"", "  two spaces"}));
  EXPECT_EQ(cut("<thin"), (Split{"", "<thin"}));
  EXPECT_EQ(cut("<think>never closed </thin"), (Split{"never closed </thin", ""}));
  EXPECT_EQ(cut(""), (Split{"", ""}));
}

TEST(ReasoningSplitter, PromptThatOpenedOrClosedIt) {
  const ReasoningTags& think = TagsNamed("think");
  EXPECT_EQ(CutEveryWay(&think, ReasoningStart::kInside, "Hm.\n</think>\n\nYes.\n"),
            (Split{"Hm.", "Yes.\n"}));
  EXPECT_EQ(CutEveryWay(&think, ReasoningStart::kClosed, "\nYes </think>."),
            (Split{"", "Yes </think>."}));
  EXPECT_EQ(CutEveryWay(nullptr, ReasoningStart::kModelDecides, "\n<think>a</think>"),
            (Split{"", "\n<think>a</think>"}));
}

TEST(ReasoningSplitter, AnswersInsideWrappersLoseThem) {
  const ReasoningTags& ernie = TagsNamed("ernie");
  EXPECT_EQ(CutEveryWay(&ernie, ReasoningStart::kInside,
                        "Hm.\n</think>\n\n<response>\nYes.\n\nNo.\n</response>\n"),
            (Split{"Hm.", "Yes.\n\nNo."}));
  const ReasoningTags& hunyuan = TagsNamed("hunyuan");
  EXPECT_EQ(CutEveryWay(&hunyuan, ReasoningStart::kModelDecides,
                        "<think>\nHm.\n</think>\n<answer>\nYes.\n"),
            (Split{"Hm.", "Yes.\n"}));  // cut short: the closing tag is missing
  EXPECT_EQ(CutEveryWay(&hunyuan, ReasoningStart::kClosed, "<answer>\nYes.\n</answer>"),
            (Split{"", "Yes."}));
  EXPECT_EQ(CutEveryWay(&hunyuan, ReasoningStart::kModelDecides, "<answer>a</answer> b"),
            (Split{"", "ab"}));  // nothing behind the wrapper is lost but blanks
}

TEST(ReasoningSplitter, HarmonyChannels) {
  const ReasoningTags& harmony = TagsNamed("harmony");
  const std::string final_channel = "<|channel|>final<|message|>";
  EXPECT_EQ(CutEveryWay(&harmony, ReasoningStart::kModelDecides,
                        "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant" +
                            final_channel + "Yes."),
            (Split{"Hm.", "Yes."}));
  EXPECT_EQ(CutEveryWay(&harmony, ReasoningStart::kModelDecides, final_channel + "Yes."),
            (Split{"", "Yes."}));
}

TEST(ReasoningSplitter, SaysWhetherItIsInsideTheReasoning) {
  ReasoningSplitter splitter(&TagsNamed("think"), ReasoningStart::kModelDecides);
  EXPECT_FALSE(splitter.reasoning());
  splitter.Push("<think>");
  EXPECT_TRUE(splitter.reasoning());
  splitter.Push("a</think>");
  EXPECT_FALSE(splitter.reasoning());
}

TEST(ReasoningStart, IsReadFromTheEndOfThePrompt) {
  const ReasoningTags& think = TagsNamed("think");
  EXPECT_EQ(FindReasoningStart(&think, "a<think>\n"), ReasoningStart::kInside);
  EXPECT_EQ(FindReasoningStart(&think, "a<think>\n\n</think>\n\n"), ReasoningStart::kClosed);
  EXPECT_EQ(FindReasoningStart(&think, "a</think>"), ReasoningStart::kClosed);
  EXPECT_EQ(FindReasoningStart(&think, "<think>a</think>assistant\n"),
            ReasoningStart::kModelDecides);
  EXPECT_EQ(FindReasoningStart(nullptr, "<think>"), ReasoningStart::kClosed);
}

TEST(ReasoningTags, EveryDialectHasItsMarkersAndAName) {
  std::set<std::string_view> names;
  for (const ReasoningTags& tags : AllReasoningTags()) {
    EXPECT_TRUE(names.insert(tags.name).second) << tags.name;
    EXPECT_NE(std::string_view(tags.open), "");
    EXPECT_NE(std::string_view(tags.close), "");
    // What is written in the model's place must end the reasoning.
    EXPECT_NE(std::string_view(tags.forced_close).find(tags.close), std::string_view::npos)
        << tags.name;
    const Split split = Cut(&tags, ReasoningStart::kInside, {"a", tags.forced_close, "b"});
    EXPECT_EQ(split, (Split{"a", "b"})) << tags.name;
  }
}

}  // namespace
}  // namespace tael
