#include "dialect/dialect_parser.h"

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
  DialectParser parser({.reasoning = tags, .start = start});
  Split split;
  const auto add = [&](const std::vector<DialectEvent>& events) {
    for (const auto& event : events) {
      EXPECT_FALSE(event.text.empty());
      const bool reasoning = event.kind == DialectEvent::Kind::kReasoning;
      (reasoning ? split.reasoning : split.answer) += event.text;
    }
  };
  for (const std::string& text : texts) add(parser.Push(text));
  add(parser.Finish());
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

TEST(DialectParser, ModelThatOpensItsReasoning) {
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

TEST(DialectParser, PromptThatOpenedOrClosedIt) {
  const ReasoningTags& think = TagsNamed("think");
  EXPECT_EQ(CutEveryWay(&think, ReasoningStart::kInside, "Hm.\n</think>\n\nYes.\n"),
            (Split{"Hm.", "Yes.\n"}));
  EXPECT_EQ(CutEveryWay(&think, ReasoningStart::kClosed, "\nYes </think>."),
            (Split{"", "Yes </think>."}));
  EXPECT_EQ(CutEveryWay(nullptr, ReasoningStart::kModelDecides, "\n<think>a</think>"),
            (Split{"", "\n<think>a</think>"}));
}

TEST(DialectParser, AnswersInsideWrappersLoseThem) {
  const ReasoningTags& ernie = TagsNamed("ernie");
  EXPECT_EQ(CutEveryWay(&ernie, ReasoningStart::kInside,
                        "Hm.\n</think>\n\n<response>\nYes.\n\nNo.\n</response>\n"),
            (Split{"Hm.", "Yes.\n\nNo."}));
  const ReasoningTags& hunyuan = TagsNamed("hunyuan");
  EXPECT_EQ(CutEveryWay(&hunyuan, ReasoningStart::kModelDecides,
                        "<think>\nHm.\n</think>\n<answer>\nYes.\n"),
            (Split{"Hm.", "Yes.\n"}));                      // cut short: the closing tag is missing
  for (const char* text : {"\n<a>", "\n <a", " \nYes."}) {  // what only begins like the wrapper
    EXPECT_EQ(CutEveryWay(&hunyuan, ReasoningStart::kModelDecides, std::string(text) + " b"),
              (Split{"", std::string(text) + " b"}));
  }
  EXPECT_EQ(CutEveryWay(&hunyuan, ReasoningStart::kAnswer, "\nYes.\n</answer>"),
            (Split{"", "Yes."}));
  EXPECT_EQ(CutEveryWay(&hunyuan, ReasoningStart::kClosed, "<answer>\nYes.\n</answer>"),
            (Split{"", "Yes."}));
  EXPECT_EQ(CutEveryWay(&hunyuan, ReasoningStart::kModelDecides, "<answer>a</answer> b"),
            (Split{"", "ab"}));  // nothing behind the wrapper is lost but blanks
}

TEST(DialectParser, HarmonyChannels) {
  const ReasoningTags& harmony = TagsNamed("harmony");
  const std::string final_channel = "<|channel|>final<|message|>";
  EXPECT_EQ(CutEveryWay(&harmony, ReasoningStart::kModelDecides,
                        "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant" +
                            final_channel + "Yes."),
            (Split{"Hm.", "Yes."}));
  EXPECT_EQ(CutEveryWay(&harmony, ReasoningStart::kModelDecides, final_channel + "Yes."),
            (Split{"", "Yes."}));
}

TEST(DialectParser, HarmonyThinksAgainBeforeItAnswers) {
  const ReasoningTags& harmony = TagsNamed("harmony");
  const std::string start = "<|start|>assistant", end = "<|end|>";
  const std::string analysis = "<|channel|>analysis<|message|>";
  const std::string commentary = "<|channel|>commentary<|message|>";
  const std::string final_channel = "<|channel|>final<|message|>";
  EXPECT_EQ(CutEveryWay(&harmony, ReasoningStart::kModelDecides,
                        analysis + "a" + end + start + analysis + "b" + end + start + commentary +
                            "c" + end + start + final_channel + "Yes."),
            (Split{"a\n\nb", "c\n\nYes."}));
  EXPECT_EQ(CutEveryWay(&harmony, ReasoningStart::kModelDecides,
                        commentary + "a" + end + start + final_channel + "Yes."),
            (Split{"", "a\n\nYes."}));
}

TEST(DialectParser, AnEndBetweenReasoningAndAnswerShowsNoMarker) {
  const std::string harmony = "<|channel|>analysis<|message|>Hm.<|end|>";
  EXPECT_EQ(CutEveryWay(&TagsNamed("harmony"), ReasoningStart::kModelDecides,
                        harmony + "<|start|>assista"),
            (Split{"Hm.", ""}));
  EXPECT_EQ(CutEveryWay(&TagsNamed("hunyuan"), ReasoningStart::kInside, "Hm.\n</think>\n<answ"),
            (Split{"Hm.", ""}));
}

TEST(DialectParser, AnEndInsideAForcedCloseDropsWhatHasBegun) {
  const ReasoningTags& think = TagsNamed("think");
  for (const bool closing : {false, true}) {
    DialectParser parser({.reasoning = &think, .start = ReasoningStart::kInside});
    ASSERT_EQ(parser.Push("Hm.").size(), 1u);
    EXPECT_TRUE(parser.Push("\n</thi").empty());
    const auto rest = parser.Finish(closing);
    EXPECT_EQ(rest.empty(), closing);
    if (!closing) {
      EXPECT_EQ(rest.at(0).text, "\n</thi");
    }
  }
}

TEST(DialectParser, SaysWhetherItIsInsideTheReasoning) {
  DialectParser parser({.reasoning = &TagsNamed("think"), .start = ReasoningStart::kModelDecides});
  EXPECT_FALSE(parser.reasoning());
  parser.Push("<think>");
  EXPECT_TRUE(parser.reasoning());
  parser.Push("a</think>");
  EXPECT_FALSE(parser.reasoning());
}

TEST(ReasoningStart, IsReadFromTheEndThatTheTemplateWrote) {
  const ReasoningTags& think = TagsNamed("think");
  const auto start = [&](const std::string& text) {
    return FindReasoningStart(&think, {{.text = text, .trusted = true}});
  };
  EXPECT_EQ(start("a<think>\n"), ReasoningStart::kInside);
  EXPECT_EQ(start("a<think>\n\n</think>\n\n"), ReasoningStart::kClosed);
  EXPECT_EQ(start("a</think>"), ReasoningStart::kClosed);
  EXPECT_EQ(start("<think>a</think>assistant\n"), ReasoningStart::kModelDecides);
  EXPECT_EQ(FindReasoningStart(&think, {{.text = "a<think>", .trusted = false}}),
            ReasoningStart::kModelDecides);
  EXPECT_EQ(FindReasoningStart(nullptr, {{.text = "<think>", .trusted = true}}),
            ReasoningStart::kClosed);
  EXPECT_EQ(FindReasoningStart(&TagsNamed("ernie"),
                               {{.text = "\n</think>\n\n<response>\n", .trusted = true}}),
            ReasoningStart::kAnswer);
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
