#include "dialect/thinking.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "checkpoint/gguf.h"
#include "dialect/reasoning_start.h"
#include "dialect/recommended_sampling.h"
#include "tests/support/shared_data.h"

namespace tael {
namespace {

TemplateInput OneQuestion() {
  TemplateInput input;
  Json message = JsonObject{};
  message.Set("role", "user");
  message.Set("content", "Hello");
  input.messages.Append(std::move(message));
  input.unix_time = 0;
  return input;
}

std::string MessageOf(const ThinkingStyle& style, const std::string& wish) {
  TemplateInput input = OneQuestion();
  try {
    ApplyThinking(style, ParseThinkingWish(wish), &input);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(ThinkingWish, IsAWordOrANumberOfTokens) {
  EXPECT_EQ(ParseThinkingWish("on").on, true);
  EXPECT_EQ(ParseThinkingWish("off").on, false);
  EXPECT_EQ(ParseThinkingWish("high").effort, "high");
  EXPECT_EQ(ParseThinkingWish("0").budget, 0);
  EXPECT_EQ(ParseThinkingWish("512").budget, 512);
  for (const char* bad : {"", "yes", "-1", "12x", "99999999999", "1.5"}) {
    EXPECT_THROW(ParseThinkingWish(bad), Error) << bad;
  }
}

constexpr const char* kSwitched =
    "{% for m in messages %}{{ m.content }}{% endfor %}"
    "{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}";

TEST(ThinkingStyle, FindsTheSwitchByWhatItChanges) {
  const ThinkingStyle style = FindThinkingStyle(ChatTemplate(kSwitched, "t"), kSwitched);
  EXPECT_EQ(style.variable, "enable_thinking");
  EXPECT_TRUE(style.levels.empty());
  ASSERT_NE(style.tags, nullptr);
  EXPECT_STREQ(style.tags->name, "think");
  TemplateInput input = OneQuestion();
  ApplyThinking(style, ParseThinkingWish("off"), &input);
  EXPECT_EQ(ChatTemplate(kSwitched, "t").RenderText(input), "Hello<think></think>");
}

TEST(ThinkingStyle, AVariableThatIsOnlyMentionedIsNoSwitch) {
  constexpr const char* kMentioned =
      "{# enable_thinking, thinking, </think> #}{{ messages[0].content }}";
  const ThinkingStyle style = FindThinkingStyle(ChatTemplate(kMentioned, "t"), kMentioned);
  EXPECT_EQ(style.variable, "");
  EXPECT_NE(MessageOf(style, "off").find("--think N"), std::string::npos);
  EXPECT_EQ(MessageOf(style, "on"), "");  // it thinks anyway
  EXPECT_EQ(MessageOf(style, "100"), "");
}

TEST(ThinkingStyle, OffersTheLevelsThatItsTemplateKnows) {
  constexpr const char* kHighOnly =
      "{{ 'High' if reasoning_effort == 'high' else 'Max' }}{{ messages[0].content }}</think>";
  EXPECT_EQ(FindThinkingStyle(ChatTemplate(kHighOnly, "t"), kHighOnly).levels,
            std::vector<std::string>{"high"});
}

TEST(ThinkingStyle, ASwitchThatTheMessagesSilenceIsRefused) {
  constexpr const char* kGranite =
      "{% if messages[0].role != 'system' and thinking %}Think.{% endif %}"
      "{{ messages[0].content }}</think>";
  const ChatTemplate chat(kGranite, "t");
  const ThinkingStyle style = FindThinkingStyle(chat, kGranite);
  ASSERT_EQ(style.variable, "thinking");
  TemplateInput input = OneQuestion();
  ApplyThinking(style, ParseThinkingWish("on"), &input);
  EXPECT_NO_THROW(CheckThinkingCounts(style, chat, input));
  input.messages.as_array()[0].Set("role", "system");
  EXPECT_THROW(CheckThinkingCounts(style, chat, input), Error);
}

TEST(ThinkingStyle, RefusesWhatAModelCannot) {
  constexpr const char* kPlain = "{{ messages[0].content }}";
  const ThinkingStyle style = FindThinkingStyle(ChatTemplate(kPlain, "t"), kPlain);
  for (const char* wish : {"on", "off", "low", "100", "0"}) {
    EXPECT_NE(MessageOf(style, wish).find("does not reason aloud"), std::string::npos) << wish;
  }
}

TEST(ThinkingStyle, ATemplateThatAlwaysClosesTheReasoningIsOffAlready) {
  constexpr const char* kClosing = "{{ messages[0].content }}<think>\n\n</think>\n\n";
  const ThinkingStyle style = FindThinkingStyle(ChatTemplate(kClosing, "t"), kClosing);
  EXPECT_TRUE(style.always_closed);
  EXPECT_EQ(MessageOf(style, "off"), "");
  EXPECT_EQ(MessageOf(style, "0"), "");
  for (const char* wish : {"on", "100"}) {
    EXPECT_NE(MessageOf(style, wish).find("always closes the reasoning"), std::string::npos);
  }
  constexpr const char* kOpening = "{{ messages[0].content }}<think>\n";
  EXPECT_FALSE(FindThinkingStyle(ChatTemplate(kOpening, "t"), kOpening).always_closed);
  EXPECT_FALSE(FindThinkingStyle(ChatTemplate(kSwitched, "t"), kSwitched).always_closed);
}

TEST(ThinkingStyle, PanguIsToldInWords) {
  constexpr const char* kPangu = "[unused9]{{ messages[-1].content }}[unused10]";
  const ThinkingStyle style = FindThinkingStyle(ChatTemplate(kPangu, "t"), kPangu);
  TemplateInput input = OneQuestion();
  ApplyThinking(style, ParseThinkingWish("off"), &input);
  EXPECT_EQ(ChatTemplate(kPangu, "t").RenderText(input), "[unused9]Hello /no_think[unused10]");
}

// dialect, switch and effort of every template there is.
TEST(ThinkingStyle, OfPublishedTemplates) {
  const std::optional<std::string> shared = SharedPath("assets/chat_templates/templates");
  if (!shared) GTEST_SKIP() << "no shared assets";
  const std::string& folder = *shared;
  const std::map<std::string, std::string> expected = {
      {"apertus-8b", "apertus/enable_thinking/"},
      {"deepseek-r1-distill-qwen-32b", "think/enable_thinking/"},
      {"deepseek-r1-llamacpp", "think//"},
      {"deepseek-v3.1", "think/enable_thinking/"},
      {"deepseek-v3.2", "think/enable_thinking/"},
      {"deepseek-v4", "think/enable_thinking/"},
      {"glm-4.6", "think/enable_thinking/"},
      {"glm-5.2", "think/enable_thinking/ high"},
      {"gpt-oss-120b", "harmony// low medium high"},
      {"kimi-k2-thinking", "think//"},
      {"ministral-3-14b-reasoning", "mistral//"},
      {"pangu-format", "pangu//"},
      {"hunyuan-dense-format", "hunyuan//"},
      {"qwen2.5-7b-instruct", "none//"},
      {"qwen3-0.6b", "think/enable_thinking/"},
      {"qwen3.5-4b", "think/enable_thinking/"},
      {"smollm3-3b", "think/enable_thinking/"},
      {"seed-oss", "seed//"},
      {"mistral-nemo", "none//"},
      {"yi-6b-chat", "none//"},
  };
  for (const auto& [name, wanted] : expected) {
    const std::string source = ReadFile(folder + "/" + name + ".jinja");
    const ThinkingStyle style = FindThinkingStyle(ChatTemplate(source, name), source);
    std::string found = style.tags != nullptr ? style.tags->name : "none";
    found += "/" + style.variable + "/";
    for (const std::string& level : style.levels) found += " " + level;
    EXPECT_EQ(found, wanted) << name;
  }
}

TEST(ThinkingStyle, StartOfTheAnswerOfPublishedTemplates) {
  const std::optional<std::string> shared = SharedPath("assets/chat_templates/templates");
  if (!shared) GTEST_SKIP() << "no shared assets";
  const std::string& folder = *shared;
  const auto start = [&](const std::string& name, const std::string& wish) {
    const std::string source = ReadFile(folder + "/" + name + ".jinja");
    const ChatTemplate chat(source, name);
    const ThinkingStyle style = FindThinkingStyle(chat, source);
    TemplateInput input = OneQuestion();
    if (!wish.empty()) ApplyThinking(style, ParseThinkingWish(wish), &input);
    return FindReasoningStart(style.tags, chat.Render(input));
  };
  EXPECT_EQ(start("qwen3-0.6b", ""), ReasoningStart::kModelDecides);
  EXPECT_EQ(start("qwen3-0.6b", "off"), ReasoningStart::kClosed);
  EXPECT_EQ(start("qwen3.5-4b", "on"), ReasoningStart::kInside);
  EXPECT_EQ(start("deepseek-v3.1", "on"), ReasoningStart::kInside);
  EXPECT_EQ(start("deepseek-v3.1", "off"), ReasoningStart::kClosed);
  EXPECT_EQ(start("glm-4.6", "off"), ReasoningStart::kClosed);
  EXPECT_EQ(start("gpt-oss-120b", "low"), ReasoningStart::kModelDecides);
}

TEST(RecommendedSampling, OfAGenerationConfig) {
  const RecommendedSampling found = SamplingFromGenerationConfig(ParseJson(
      R"({"do_sample": true, "temperature": 0.6, "top_k": 20, "top_p": 0.95, "eos_token_id": [1]})",
      "test"));
  EXPECT_EQ(found.temperature, 0.6);
  EXPECT_EQ(found.top_k, 20);
  EXPECT_EQ(found.top_p, 0.95);
  EXPECT_FALSE(found.min_p || found.repeat_penalty);
  EXPECT_EQ(SamplingFromGenerationConfig(ParseJson(R"({"do_sample": false, "top_p": 7})", "test"))
                .temperature,
            0.0);
  EXPECT_TRUE(SamplingFromGenerationConfig(ParseJson(R"({"eos_token_id": 2})", "test")).empty());
  for (const char* bad : {R"({"temperature": "hot"})", R"({"temperature": -1})", R"({"top_p": 2})",
                          R"({"top_k": -5})", R"({"repetition_penalty": 0})"}) {
    EXPECT_THROW(SamplingFromGenerationConfig(ParseJson(bad, "test")), Error) << bad;
  }
}

TEST(RecommendedSampling, AWrongValueCountsOnlyWhereTheUserNamesNone) {
  const Json config = ParseJson(R"({"temperature": "hot", "top_p": 0.5, "top_k": -5})", "test");
  const auto with = [&](const std::vector<std::string>& names) {
    return SamplingFromGenerationConfig(config, [&](std::string_view name) {
      return std::find(names.begin(), names.end(), name) != names.end();
    });
  };
  EXPECT_THROW(with({"temperature"}), Error);
  EXPECT_THROW(with({"top_k"}), Error);
  const RecommendedSampling found = with({"temperature", "top_k"});
  EXPECT_FALSE(found.temperature || found.top_k);
  EXPECT_EQ(found.top_p, 0.5);
}

TEST(RecommendedSampling, WhatTheUserNamesIsNotTakenFromTheCard) {
  const auto named = [](std::string_view name) { return name == "top_k"; };
  RecommendedSampling file = SamplingOfFamily("qwen3");
  file.source = "the file";
  file.top_k.reset();
  const RecommendedSampling found = CompleteSampling(file, SamplingOfFamily("qwen3"), named);
  EXPECT_FALSE(found.top_k);
  EXPECT_EQ(found.source, "the file");
}

TEST(RecommendedSampling, WhatAConfigLeavesOpenComesFromTheCard) {
  const auto completed = [](const char* config, const char* family) {
    return CompleteSampling(SamplingFromGenerationConfig(ParseJson(config, "test")),
                            SamplingOfFamily(family));
  };
  const RecommendedSampling gemma =
      completed(R"({"do_sample": true, "top_k": -1, "top_p": 0.5})", "gemma3");
  EXPECT_EQ(gemma.temperature, 1.0);
  EXPECT_EQ(gemma.top_k, 0);
  EXPECT_EQ(gemma.top_p, 0.5);
  EXPECT_EQ(gemma.source, "generation_config.json, model card of gemma3");
  EXPECT_EQ(completed(R"({"do_sample": true})", "qwen3").top_k, 20);
  EXPECT_EQ(completed(R"({"do_sample": true})", "llama").temperature, 1.0);
  EXPECT_FALSE(completed(R"({"top_p": 0.5})", "llama").temperature);
  EXPECT_TRUE(completed(R"({"do_sample": false})", "qwen3").top_p == std::nullopt);
}

TEST(RecommendedSampling, OfFamilies) {
  EXPECT_EQ(SamplingOfFamily("qwen3").top_k, 20);
  EXPECT_TRUE(SamplingOfFamily("llama").empty());
}

}  // namespace
}  // namespace tael
