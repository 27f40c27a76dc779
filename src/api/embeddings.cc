#include "api/embeddings.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>

#include "api/openai_fields.h"
#include "api/prompt_inputs.h"
#include "api/sampling_fields.h"

namespace tael {
namespace {

constexpr size_t kMaxInputs = 2048;

std::string LittleEndian(const std::vector<float>& values) {
  std::string bytes;
  bytes.reserve(values.size() * 4);
  for (const float value : values) {
    const auto bits = std::bit_cast<uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) {
      bytes += static_cast<char>(static_cast<uint8_t>(bits >> shift));
    }
  }
  return bytes;
}

// RFC 4648, section 4.
std::string Base64(const std::string& bytes) {
  constexpr const char* kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - at);
    uint32_t group = 0;
    for (size_t i = 0; i < 3; ++i) {
      group = group << 8 | (i < count ? static_cast<uint8_t>(bytes[at + i]) : 0U);
    }
    for (size_t i = 0; i < 4; ++i) {
      text += i <= count ? kDigits[group >> (18 - 6 * i) & 63] : '=';
    }
  }
  return text;
}

}  // namespace

JsonArray FloatsToJson(const std::vector<float>& values) {
  JsonArray list;
  list.reserve(values.size());
  for (const float value : values) {
    // The double with the float's shortest digits; rounded to a float it is the same again.
    const std::string digits = fmt::format("{}", value);
    double shortest = value;
    std::from_chars(digits.data(), digits.data() + digits.size(), shortest);
    list.emplace_back(shortest);
  }
  return list;
}

EmbeddingRequest ParseOpenAiEmbeddingRequest(const Json& body) {
  ObjectReader reader(body, "", kOpenAiEmbeddingFields);
  EmbeddingRequest request;
  request.model = reader.RequiredString("model");
  request.inputs = ParsePromptInputs(reader, "input", kMaxInputs);
  request.dimensions = reader.Int("dimensions", 1, kAnyInt);
  const std::string format = reader.String("encoding_format").value_or("float");
  if (format != "float" && format != "base64") {
    reader.Wrong("encoding_format",
                 fmt::format("is '{}', needed float or base64", format.substr(0, 100)));
  }
  request.base64 = format == "base64";
  reader.Finish();
  return request;
}

Json OpenAiEmbeddingJson(const EmbeddingRequest& request,
                         const std::vector<std::vector<float>>& vectors, int64_t prompt_tokens) {
  JsonArray list;
  for (const std::vector<float>& vector : vectors) {
    Json entry;
    entry.Set("object", "embedding");
    entry.Set("index", static_cast<int64_t>(list.size()));
    entry.Set("embedding",
              request.base64 ? Json(Base64(LittleEndian(vector))) : Json(FloatsToJson(vector)));
    list.push_back(std::move(entry));
  }
  Json usage, json;
  usage.Set("prompt_tokens", prompt_tokens);
  usage.Set("total_tokens", prompt_tokens);
  json.Set("object", "list");
  json.Set("data", std::move(list));
  json.Set("model", request.model);
  json.Set("usage", std::move(usage));
  return json;
}

}  // namespace tael
