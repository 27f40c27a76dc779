// `tael key`: who may use the server.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "app/command.h"
#include "app/terminal.h"
#include "base/error.h"
#include "base/json.h"
#include "store/store.h"

namespace tael {
namespace {

struct KeyOptions {
  KeySpec spec;
  int requests = 0, concurrent = 0, priority = 0;
  std::optional<int64_t> tokens_per_minute, tokens;
  std::string expires, wanted;
  bool json = false;
};

std::unique_ptr<Store> OpenStore(const LoadedSettings& settings) {
  StoreOptions options;
  options.path = StoreDatabase(settings.values);
  options.on_problem = [](const std::string& text) { PrintError(fmt::format("tael: {}\n", text)); };
  return std::make_unique<Store>(options);
}

// "90d", "12h", "30m" to milliseconds.
int64_t DurationMs(const std::string& text) {
  constexpr int64_t kMinute = 60'000, kLongest = int64_t{36'500} * 24 * 60;
  int64_t count = 0;
  const bool digits =
      text.size() > 1 && text.size() < 9 &&
      std::all_of(text.begin(), text.end() - 1, [](char c) { return c >= '0' && c <= '9'; });
  if (digits) count = std::stoll(text.substr(0, text.size() - 1));
  const char unit = text.empty() ? '\0' : text.back();
  const int64_t minutes = count * (unit == 'd' ? 24 * 60 : unit == 'h' ? 60 : unit == 'm' ? 1 : 0);
  if (minutes < 1 || minutes > kLongest) {
    throw UsageError(
        fmt::format("--expires {}: needs a time from now, such as 90d, 12h or 30m", text));
  }
  return minutes * kMinute;
}

std::string TimeText(int64_t ms) {
  if (ms == 0) return "-";
  return fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(static_cast<std::time_t>(ms / 1000)));
}

std::string LimitText(int64_t limit) { return limit == 0 ? "-" : fmt::format("{}", limit); }

std::string StateOf(const KeyRecord& key) {
  return key.revoked_ms != 0 ? "revoked" : key.IsValid(NowMs()) ? "valid" : "expired";
}

std::string ModelsText(const KeyRecord& key) {
  return key.models.empty() ? "all" : fmt::format("{}", fmt::join(key.models, ", "));
}

Json ListJson(const std::vector<std::string>& list) {
  Json out = JsonArray{};
  for (const std::string& one : list) out.Append(one);
  return out;
}

// Times are milliseconds since 1970, null = never; limits are null for none.
Json OrNull(int64_t value) { return value == 0 ? Json() : Json(value); }

Json KeyJson(const KeyRecord& key) {
  Json out = JsonObject{};
  out.Set("id", key.id);
  out.Set("name", key.name);
  out.Set("state", StateOf(key));
  out.Set("scopes", ListJson(key.scopes));
  out.Set("models", key.models.empty() ? Json() : ListJson(key.models));
  out.Set("requests_per_minute", OrNull(key.limits.requests_per_minute));
  out.Set("tokens_per_minute", OrNull(key.limits.tokens_per_minute));
  out.Set("tokens_in_all", OrNull(key.limits.tokens_in_all));
  out.Set("concurrent", OrNull(key.limits.concurrent));
  out.Set("priority", key.priority);
  out.Set("group", key.sharing_group.empty() ? Json() : Json(key.sharing_group));
  out.Set("created_ms", key.created_ms);
  out.Set("expires_ms", OrNull(key.expires_ms));
  out.Set("revoked_ms", OrNull(key.revoked_ms));
  out.Set("last_used_ms", OrNull(key.last_used_ms));
  return out;
}

int Add(const KeyOptions& options, const LoadedSettings& settings) {
  KeySpec spec = options.spec;
  if (spec.scopes.empty()) spec.scopes = {"use"};
  spec.limits = {options.requests, options.tokens_per_minute.value_or(0),
                 options.tokens.value_or(0), options.concurrent};
  spec.priority = options.priority;
  if (!options.expires.empty()) spec.expires_ms = NowMs() + DurationMs(options.expires);
  const MadeKey made = OpenStore(settings)->CreateKey(spec);
  if (options.json) {
    Json out = KeyJson(made.record);
    out.Set("key", made.text);
    PrintOut(DumpJson(out) + "\n");
    return kExitOk;
  }
  PrintOut(made.text + "\n");
  PrintError(fmt::format("key '{}' is made; its text is shown this once and kept nowhere\n",
                         made.record.name));
  return kExitOk;
}

int List(const KeyOptions& options, const LoadedSettings& settings) {
  const std::vector<KeyRecord> keys = OpenStore(settings)->ListKeys();
  Json list = JsonArray{};
  std::vector<std::vector<std::string>> rows = {
      {"id", "name", "state", "scopes", "models", "expires", "last used"}};
  for (const KeyRecord& key : keys) {
    list.Append(KeyJson(key));
    rows.push_back({key.id, key.name, StateOf(key), fmt::format("{}", fmt::join(key.scopes, ", ")),
                    ModelsText(key), TimeText(key.expires_ms), TimeText(key.last_used_ms)});
  }
  if (options.json) {
    Json out = JsonObject{};
    out.Set("database", StoreDatabase(settings.values));
    out.Set("keys", std::move(list));
    PrintOut(DumpJson(out) + "\n");
  } else if (keys.empty()) {
    PrintError(fmt::format("no keys in {}. Hint: 'tael key add NAME' makes one\n",
                           StoreDatabase(settings.values)));
  } else {
    PrintOut(FormatTable(rows));
  }
  return kExitOk;
}

// By its id, or the name of one that is not revoked. Its text is taken too: revoking a key that
// leaked must not need more than what leaked.
KeyRecord FindKey(Store& store, const std::string& wanted) {
  const std::string id = KeyIdOf(wanted).value_or(wanted);
  const std::vector<KeyRecord> keys = store.ListKeys();
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const KeyRecord& key) {
    return key.id == id || (key.name == wanted && key.revoked_ms == 0);
  });
  if (found != keys.end()) return *found;
  Fail(ErrorCode::kNotFound,
       "key '{}': none of that id, and none valid of that name. Hint: "
       "'tael key list' shows all",
       id);
}

int Revoke(const KeyOptions& options, const LoadedSettings& settings) {
  const auto store = OpenStore(settings);
  const KeyRecord key = FindKey(*store, options.wanted);
  store->RevokeKey(key.id);
  PrintError(key.revoked_ms != 0
                 ? fmt::format("key '{}' ({}) was revoked before\n", key.name, key.id)
                 : fmt::format("key '{}' ({}) is revoked; a running server knows within a "
                               "second\n",
                               key.name, key.id));
  return kExitOk;
}

// The key's usage, a row for each day and model.
std::vector<std::pair<UsagePlace, UsageCounts>> UsageOf(Store& store, const std::string& id) {
  std::vector<std::pair<UsagePlace, UsageCounts>> rows;
  for (const auto& [place, counts] : store.ListUsage(0, DayOf(NowMs()) + 1)) {
    if (place.key == id) rows.emplace_back(place, counts);
  }
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first.day, a.first.model) < std::tie(b.first.day, b.first.model);
  });
  return rows;
}

std::string DayText(int64_t day) {
  return fmt::format("{:%Y-%m-%d}", fmt::gmtime(static_cast<std::time_t>(day * 86'400)));
}

Json UsageJson(const UsagePlace& place, const UsageCounts& counts) {
  Json entry = JsonObject{};
  entry.Set("day", DayText(place.day));
  entry.Set("model", place.model);
  entry.Set("requests", counts.requests);
  entry.Set("prompt_tokens", counts.prompt_tokens);
  entry.Set("cached_tokens", counts.cached_tokens);
  entry.Set("completion_tokens", counts.completion_tokens);
  return entry;
}

int Show(const KeyOptions& options, const LoadedSettings& settings) {
  const auto store = OpenStore(settings);
  const KeyRecord key = FindKey(*store, options.wanted);
  const auto usage = UsageOf(*store, key.id);
  if (options.json) {
    Json out = KeyJson(key), list = JsonArray{};
    for (const auto& [place, counts] : usage) list.Append(UsageJson(place, counts));
    out.Set("usage", std::move(list));
    PrintOut(DumpJson(out) + "\n");
    return kExitOk;
  }
  PrintOut(FormatTable(
      {{"key", key.name},
       {"id", key.id},
       {"state", StateOf(key)},
       {"scopes", fmt::format("{}", fmt::join(key.scopes, ", "))},
       {"models", ModelsText(key)},
       {"requests per minute", LimitText(key.limits.requests_per_minute)},
       {"tokens per minute", LimitText(key.limits.tokens_per_minute)},
       {"tokens in all", LimitText(key.limits.tokens_in_all)},
       {"tokens used", fmt::format("{}", store->TokensUsed(key.id))},
       {"concurrent requests", LimitText(key.limits.concurrent)},
       {"priority", fmt::format("{}", key.priority)},
       {"shares its cache with",
        key.sharing_group.empty() ? "nobody" : fmt::format("group {}", key.sharing_group)},
       {"created", TimeText(key.created_ms)},
       {"expires", TimeText(key.expires_ms)},
       {"revoked", TimeText(key.revoked_ms)},
       {"last used", TimeText(key.last_used_ms)}}));
  if (usage.empty()) return kExitOk;
  std::vector<std::vector<std::string>> rows = {
      {"day", "model", "requests", "prompt", "cached", "completion"}};
  for (const auto& [place, counts] : usage) {
    rows.push_back({DayText(place.day), place.model, fmt::format("{}", counts.requests),
                    fmt::format("{}", counts.prompt_tokens),
                    fmt::format("{}", counts.cached_tokens),
                    fmt::format("{}", counts.completion_tokens)});
  }
  PrintOut("\n" + FormatTable(rows));
  return kExitOk;
}

CommandParser& AddAdd(CommandParser& key, KeyOptions& options) {
  CommandParser& add = key.AddCommand(
      {.name = "add",
       .description = "Make a key and print it",
       .footer = "The key is the only line on stdout. It is shown this once: the database keeps a "
                 "hash of it."});
  constexpr int kMost = 1'000'000'000;
  add.AddOption("name", &options.spec.name, "for people; once among keys that are not revoked",
                {.required = true});
  options.spec.scopes.clear();
  add.AddOption("--scope", &options.spec.scopes,
                "what it may do: use (requests), admin (pull, unload), metrics; repeatable (use)",
                {.type = "SCOPE"});
  add.AddOption("--model", &options.spec.models, "a model that it may use; repeatable (all)",
                {.type = "NAME"});
  add.AddOption("--requests-per-minute", &options.requests, "0 = no limit",
                {.check = IntRange{0, kMost}});
  add.AddOption("--tokens-per-minute", &options.tokens_per_minute,
                "of prompts and answers; 0 = no limit", {.check = NonNegative{}});
  add.AddOption("--tokens", &options.tokens, "in all, until the key is of no use; 0 = no limit",
                {.check = NonNegative{}});
  add.AddOption("--concurrent", &options.concurrent, "requests at the same time; 0 = no limit",
                {.check = IntRange{0, kMost}});
  add.AddOption("--priority", &options.priority, "-100 to 100; higher goes first (0)",
                {.check = IntRange{-100, 100}});
  add.AddOption("--group", &options.spec.sharing_group,
                "share cached prompts with the keys of this group (with nobody)", {.type = "NAME"});
  add.AddOption("--expires", &options.expires, "from now: 90d, 12h, 30m (never)", {.type = "TIME"});
  add.AddFlag("--json", &options.json, "print one JSON object");
  return add;
}

}  // namespace

Command AddKeyCommand(CommandParser& program) {
  auto options = std::make_shared<KeyOptions>();
  CommandParser& command = program.AddCommand(
      {.name = "key",
       .description = "API keys of the server",
       .footer = "Keys lie in the database that setting store.database names, as hashes. A running "
                 "server sees\nchanges within a second."});
  const CommandParser* add = &AddAdd(command, *options);
  CommandParser& list = command.AddCommand({.name = "list", .description = "All keys"});
  list.AddFlag("--json", &options->json, "print one JSON object");
  CommandParser& revoke =
      command.AddCommand({.name = "revoke", .description = "End a key; its usage is kept"});
  revoke.AddOption("key", &options->wanted, "its name, its id, or the key itself",
                   {.required = true});
  CommandParser& show =
      command.AddCommand({.name = "show", .description = "Limits and usage of a key"});
  show.AddOption("key", &options->wanted, "its name or its id", {.required = true});
  show.AddFlag("--json", &options->json, "print one JSON object");
  return {&command, [=, &command, &list, &revoke, &show](const LoadedSettings& settings) {
            const CommandParser* chosen = command.chosen();
            if (chosen == add) return Add(*options, settings);
            if (chosen == &list) return List(*options, settings);
            if (chosen == &revoke) return Revoke(*options, settings);
            if (chosen == &show) return Show(*options, settings);
            throw UsageError("key needs a command: add, list, revoke or show");
          }};
}

}  // namespace tael
