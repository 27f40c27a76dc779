#include "dialect/dialect_parser.h"

#include <algorithm>

#include "dialect/channel_reader.h"
#include "dialect/text_reader.h"

namespace tael {
namespace {

bool HasChannels(const DialectOptions& options) {
  return (options.calls != nullptr && options.calls->channels) ||
         (options.reasoning != nullptr && options.reasoning->channels);
}

std::unique_ptr<DialectReader> MakeReader(const DialectOptions& options, EventWriter& events) {
  if (HasChannels(options)) return std::make_unique<ChannelReader>(options, events);
  return std::make_unique<TextReader>(options, events);
}

}  // namespace

DialectParser::DialectParser(const DialectOptions& options)
    : events_(std::make_unique<EventWriter>()), reader_(MakeReader(options, *events_)) {}
DialectParser::~DialectParser() = default;
DialectParser::DialectParser(DialectParser&&) noexcept = default;

std::vector<DialectEvent> DialectParser::Push(std::string_view text) {
  for (const char c : text) {
    held_ += c;
    Drain(/*last=*/false, /*closing=*/false);
  }
  return events_->Take(/*last=*/false);
}

std::vector<DialectEvent> DialectParser::Finish(bool closing) {
  if (reader_->DropsAtEnd(held_) || (closing && reader_->reasoning())) held_.clear();
  Drain(/*last=*/true, closing);
  reader_->OnEnd(closing);
  return events_->Take(/*last=*/true);
}

// `held_` is never longer than a marker and a byte.
void DialectParser::Drain(bool last, bool /*closing*/) {
  while (!held_.empty()) {
    const Marker* found = nullptr;
    bool may_become = false;
    for (const Marker& marker : reader_->Markers()) {
      const size_t size = std::min(marker.text.size(), held_.size());
      const auto same = std::mismatch(held_.begin(), held_.begin() + static_cast<ptrdiff_t>(size),
                                      marker.text.begin());
      const auto length = static_cast<size_t>(same.first - held_.begin());
      work_ += static_cast<int64_t>(length) + 1;
      if (length < size) continue;
      if (size == marker.text.size()) {
        found = &marker;
      } else {
        may_become = true;
      }
    }
    if (found == nullptr && may_become && !last) return;
    const size_t size = found != nullptr ? found->text.size() : 1;
    const std::string text = held_.substr(0, size);
    const Marker marker = found != nullptr ? *found : Marker{};
    if (reader_->OnSymbol({.text = text, .marker = found != nullptr ? &marker : nullptr})) {
      held_.erase(0, size);
    }
  }
}

bool DialectParser::reasoning() const { return reader_->reasoning(); }
bool DialectParser::in_call() const { return reader_->in_call(); }

std::vector<std::string_view> DialectMarkers(const ReasoningTags* reasoning,
                                             const CallFormat* calls) {
  std::vector<std::string_view> markers;
  const auto add = [&](auto&... texts) { (markers.push_back(texts), ...); };
  if (reasoning != nullptr) {
    add(reasoning->open, reasoning->close, reasoning->answer_close);
    for (const char* text : reasoning->answer_opens) add(text);
  }
  if (calls != nullptr) {
    add(calls->section_close, calls->part_end, calls->id_open, calls->args_open);
    for (const char* text : calls->section_opens) add(text);
    for (const char* text : calls->call_opens) add(text);
    for (const char* text : calls->call_closes) add(text);
    const ParameterTags& tags = calls->tags;
    add(tags.function_open, tags.function_name_end, tags.function_close, tags.open, tags.name_end,
        tags.head_end, tags.close);
  }
  if (HasChannels({.reasoning = reasoning, .calls = calls})) {
    for (const char* text : {"<|start|>", "<|channel|>", "<|constrain|>", "<|message|>", "<|end|>",
                             "<|call|>", "<|return|>"}) {
      markers.emplace_back(text);
    }
  }
  std::erase(markers, std::string_view());
  return markers;
}

}  // namespace tael
