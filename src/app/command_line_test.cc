#include "app/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tael {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Kind = ParseResult::Kind;

// A program with the kinds of options that the commands have.
struct Program {
  CommandParser program{{.name = "prog", .description = "A test.", .footer = "The end."}, "1.2"};
  CommandParser& copy = program.AddCommand({.name = "copy", .description = "Copies."});
  CommandParser& check = program.AddCommand({.name = "check", .description = "Checks."});
  CommandParser& deep = check.AddCommand({.name = "deep", .description = "x", .footer = "Own."});
  std::vector<std::string> settings, files, tags;
  std::optional<std::string> text;
  std::optional<int> count;
  std::string mode = "fast", folder;
  std::optional<double> share;
  int window = 8;
  bool json = false;

  Program() {
    program.AddOption("--set", &settings, "a setting", {.type = "KEY=VALUE"});
    copy.AddOption("files", &files, "what to copy", {.type = "FILE", .required = true});
    copy.AddOption("--folder", &folder, "where to", {.check = ExistingDirectory{}});
    copy.AddOption("-t,--tag", &tags, "a tag");
    copy.AddFlag("--json", &json, "as JSON");
    deep.AddOption("text", &text, "what to check");
    deep.AddOption("--count", &count, "how often", {.check = NonNegative{}, .group = "Numbers"});
    deep.AddOption("--share", &share, "how much", {.check = RealRange{0, 1}});
    deep.AddOption("--mode", &mode, "how",
                   {.check = OneOf{{"fast", "slow"}}, .show_default = true});
    deep.AddOption("--window", &window, "at once", {.check = IntRange{2, 9}, .show_default = true});
  }
};

TEST(CommandLine, FillsTargetsAndNamesTheChosenCommand) {
  Program p;
  const ParseResult result = p.program.Parse({"check", "deep", "--count", "3", "--mode=slow", "t"});
  EXPECT_EQ(result.kind, Kind::kCommand) << result.text;
  EXPECT_EQ(p.program.chosen(), &p.check);
  EXPECT_EQ(p.check.chosen(), &p.deep);
  EXPECT_EQ(p.count, 3);
  EXPECT_EQ(p.mode, "slow");
  EXPECT_EQ(p.text, "t");
  EXPECT_EQ(p.share, std::nullopt);
  EXPECT_EQ(p.window, 8);
}

TEST(CommandLine, AnEmptyTextIsGiven) {
  Program absent, empty;
  absent.program.Parse({"check", "deep"});
  empty.program.Parse({"check", "deep", ""});
  EXPECT_EQ(absent.text, std::nullopt);
  EXPECT_EQ(empty.text, "");
}

TEST(CommandLine, OptionsOfTheProgramMayFollowTheCommand) {
  Program p;
  const ParseResult result =
      p.program.Parse({"--set", "a=1", "copy", "x", "y", "--set", "b=2", "--json"});
  EXPECT_EQ(result.kind, Kind::kCommand) << result.text;
  EXPECT_THAT(p.settings, ElementsAre("a=1", "b=2"));
  EXPECT_THAT(p.files, ElementsAre("x", "y"));
  EXPECT_TRUE(p.json);
}

TEST(CommandLine, AListTakesOneValuePerUseAndLeavesTheRest) {
  Program p;
  const ParseResult result = p.program.Parse({"copy", "--tag", "a", "x", "--tag", "b", "y"});
  EXPECT_EQ(result.kind, Kind::kCommand) << result.text;
  EXPECT_THAT(p.tags, ElementsAre("a", "b"));
  EXPECT_THAT(p.files, ElementsAre("x", "y"));
}

TEST(CommandLine, RefusesWhatTheChecksForbid) {
  const std::vector<std::vector<std::string>> wrong = {{"check", "deep", "--count", "-1"},
                                                       {"check", "deep", "--count", "1.5"},
                                                       {"check", "deep", "--share", "1.1"},
                                                       {"check", "deep", "--mode", "medium"},
                                                       {"check", "deep", "--window", "10"},
                                                       {"check", "deep", "--window"},
                                                       {"copy", "x", "--folder", "no/such"},
                                                       {"copy"},
                                                       {"check"},
                                                       {"check", "deep", "a", "b"},
                                                       {"copy", "x", "--jsn"},
                                                       {"nothing"},
                                                       {}};
  for (const std::vector<std::string>& arguments : wrong) {
    SCOPED_TRACE(testing::PrintToString(arguments));
    Program p;
    const ParseResult result = p.program.Parse(arguments);
    EXPECT_EQ(result.kind, Kind::kWrong);
    EXPECT_FALSE(result.text.empty());
  }
}

TEST(CommandLine, HelpShowsTypesChecksDefaultsAndTheNearestFooter) {
  Program deep, copy;
  const ParseResult own = deep.program.Parse({"check", "deep", "--help"});
  EXPECT_EQ(own.kind, Kind::kAnswered);
  for (const char* part :
       {"[text]", "--count INT:NONNEGATIVE", "--share FLOAT:FLOAT in [0 - 1]",
        "--mode TEXT:{fast,slow}=fast", "INT in [2 - 9]=8", "Own.", "Numbers:"}) {
    EXPECT_THAT(own.text, HasSubstr(part));
  }
  const ParseResult inherited = copy.program.Parse({"copy", "--help"});
  EXPECT_THAT(inherited.text, HasSubstr("files FILE ... REQUIRED"));
  EXPECT_THAT(inherited.text, HasSubstr("The end."));
  EXPECT_THAT(inherited.text, Not(HasSubstr("--set")));
}

TEST(CommandLine, AnswersTheVersion) {
  Program p;
  const ParseResult result = p.program.Parse({"--version"});
  EXPECT_EQ(result.kind, Kind::kAnswered);
  EXPECT_EQ(result.text, "1.2\n");
}

TEST(CommandLine, NamesForHintsAreThoseOfTheChosenCommands) {
  Program p;
  EXPECT_EQ(p.program.Parse({"copy", "x", "--jsn"}).kind, Kind::kWrong);
  EXPECT_EQ(p.program.chosen(), &p.copy);
  EXPECT_EQ(p.program.chosen()->name(), "copy");
  EXPECT_THAT(p.program.OptionNames(),
              ElementsAre("--help", "--version", "--set", "--help", "--folder", "--tag", "--json"));
  EXPECT_THAT(p.program.CommandNames(), ElementsAre("copy", "check"));
}

}  // namespace
}  // namespace tael
