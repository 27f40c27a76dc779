#include "app/coverage.h"

namespace tael {
namespace {

struct Coverage {
  std::string_view family, goldens;
};
// One line per family; `tael verify` checks what is named here.
constexpr Coverage kCovered[] = {
    {"llama", "llama, llama3, yi"},
    {"mistral", "mistral"},
    {"mixtral", "mixtral"},
    {"qwen2", "qwen2, qwen2-yarn"},
    {"qwen2-moe", "qwen2-moe"},
    {"qwen3", "qwen3"},
    {"qwen3-moe", "qwen3-moe, qwen3-moe-mixed"},
    {"ernie4_5", "ernie4-5"},
    {"ernie4_5-moe", "ernie4-5-moe"},
    {"hunyuan-dense", "hunyuan-dense"},
    {"hunyuan-moe", "hunyuan-moe"},
    {"pangu-embedded", "pangu-embedded"},
    {"glm4-moe", "glm4-moe"},
    {"minimax-m2", "minimax-m2"},
    {"deepseek-v2", "deepseek-v2, deepseek-v2-lite"},
    {"deepseek-v3", "deepseek-v3"},
    {"kimi-k2", "kimi-k2"},
    {"deepseek-v32", "deepseek-v32"},
    {"pangu-ultra-moe", "pangu-ultra-moe"},
    {"deepseek-v4", "deepseek-v4"},
    {"qwen3-next", "qwen3-next"},
    {"qwen3-5", "qwen3-5"},
    {"qwen3-5-moe", "qwen3-5-moe"},
    {"gpt-oss", "gpt-oss"},
    {"pangu-pro-moe", "pangu-pro-moe"},
    {"gemma3", "gemma3"},
    {"olmo2", "olmo2"},
    {"phi3", "phi3, phi3-longrope"},
    {"smollm3", "smollm3"},
    {"seed-oss", "seed-oss"},
    {"deepseek-moe", "deepseek-moe"},
};

}  // namespace

std::string_view GoldensOf(std::string_view family) {
  for (const Coverage& covered : kCovered) {
    if (covered.family == family) return covered.goldens;
  }
  return "";
}

}  // namespace tael
