#include "checkpoint/gguf_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/error.h"
#include "checkpoint/gguf_keys.h"
#include "tests/support/gguf_writer.h"

namespace tael {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ConfigView Config(const GgufWriter& writer) {
  const std::string bytes = writer.Bytes();
  const std::span<const uint8_t> span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  const Gguf gguf = ParseGguf(span, "test.gguf");
  return ConfigFromGguf(gguf.metadata, gguf.tensors);
}

std::string Refusal(const GgufWriter& writer) {
  try {
    Config(writer);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

// The metadata of a model with the given architecture, with one matrix for the embedding.
GgufWriter Model(const std::string& arch, uint32_t blocks = 2) {
  GgufWriter writer;
  writer.F32Tensor("token_embd.weight", {4, 8}).F32Tensor("output.weight", {4, 8});
  writer.String("general.architecture", arch)
      .U32(arch + ".context_length", 16)
      .U32(arch + ".embedding_length", 8)
      .U32(arch + ".block_count", blocks)
      .U32(arch + ".feed_forward_length", 16)
      .U32(arch + ".attention.head_count", 2)
      .F32(arch + ".attention.layer_norm_rms_epsilon", 1e-6f);
  return writer;
}

TEST(GgufConfig, SpeaksHuggingFacesVocabulary) {
  const ConfigView c = Config(TinyLlama());
  EXPECT_EQ(c.String("model_type"), "llama");
  EXPECT_THAT(c.Strings("architectures"), ElementsAre("LlamaForCausalLM"));
  EXPECT_EQ(c.Int("hidden_size"), 8);
  EXPECT_EQ(c.Int("intermediate_size"), 16);
  EXPECT_EQ(c.Int("num_hidden_layers"), 1);
  EXPECT_EQ(c.Int("num_attention_heads"), 2);
  EXPECT_EQ(c.Int("num_key_value_heads"), 1);
  EXPECT_EQ(c.Int("max_position_embeddings"), 16);
  EXPECT_EQ(c.Int("vocab_size"), 4);
  EXPECT_EQ(c.Double("rms_norm_eps"), 1e-5);  // the decimal number the float stands for
  EXPECT_TRUE(c.Bool("tie_word_embeddings"));
  EXPECT_TRUE(c.Bool("rope_interleaved"));
  EXPECT_THAT(c.UnreadKeys(), IsEmpty());
}

TEST(GgufConfig, TellsRopeOnNeighboursOnlyWhereRowsArePermuted) {
  EXPECT_FALSE(Config(Model("qwen2")).Bool("rope_interleaved", false));
  EXPECT_TRUE(Config(Model("deepseek")).Bool("rope_interleaved", false));
  EXPECT_FALSE(Config(Model("qwen2")).Bool("tie_word_embeddings"));
}

TEST(GgufConfig, AcceptsIntegersOfEveryWidthAndPerLayerArrays) {
  const ConfigView c = Config(Model("qwen3")
                                  .U64("qwen3.attention.key_length", 4)
                                  .U16("qwen3.attention.value_length", 4)
                                  .U32s("qwen3.attention.head_count_kv", {2, 1}));
  EXPECT_EQ(c.Int("head_dim"), 4);
  EXPECT_THAT(c.Ints("num_key_value_heads"), ElementsAre(2, 1));
  EXPECT_EQ(Config(Model("qwen3").U32s("qwen3.attention.head_count_kv", {1, 1}))
                .Int("num_key_value_heads"),
            1);
  EXPECT_THAT(Refusal(Model("qwen3").U32s("qwen3.attention.head_count_kv", {1, 2, 1})),
              HasSubstr("one for each of the 2 layers"));
}

TEST(GgufConfig, KeepsUnknownKeysForTheReaderToRefuse) {
  const ConfigView c = Config(TinyLlama().F32("llama.residual_scale", 2.0f).U32("other.key", 1));
  EXPECT_EQ(c.Double("gguf:llama.residual_scale"), 2.0);
  EXPECT_FALSE(c.Has("gguf:other.key"));  // not of this architecture: an annotation
}

TEST(GgufConfig, RefusesWhatIsNoModel) {
  EXPECT_THAT(Refusal(TinyLlama().String("general.type", "adapter")), HasSubstr("adapter (LoRA)"));
  EXPECT_THAT(Refusal(TinyLlama().String("general.type", "mmproj")), HasSubstr("no text model"));
  EXPECT_THAT(Refusal(Model("%s%n/../x")), HasSubstr("known are: llama, qwen2"));
  EXPECT_THAT(Refusal(GgufWriter().U32("general.architecture", 1)), HasSubstr("a string"));
}

TEST(GgufConfig, ListsAllContradictionsInOneMessage) {
  const std::string message = Refusal(GgufWriter()
                                          .String("general.architecture", "llama")
                                          .U32("llama.embedding_length", 16)
                                          .U32("llama.block_count", 1u << 31)
                                          .U32("llama.attention.head_count", 0)
                                          .Strings("tokenizer.ggml.tokens", {"a"})
                                          .F32Tensor("token_embd.weight", {4, 8}));
  for (const char* part :
       {"context_length is missing", "layer_norm_rms_epsilon is missing", "feed_forward_length is",
        "rows of token_embd.weight have 8", "block_count is 2147483648", "head_count is 0",
        "tokens has 1 entries"}) {
    EXPECT_THAT(message, HasSubstr(part));
  }
}

TEST(GgufConfig, RefusesImpossibleSizes) {
  EXPECT_THAT(Refusal(Model("llama").U32("llama.attention.head_count_kv", 3)),
              HasSubstr("divisor"));
  EXPECT_THAT(Refusal(Model("llama").U32("llama.attention.head_count_kv", 0)),
              HasSubstr("divisor"));
  EXPECT_THAT(Refusal(Model("llama").U32("llama.rope.dimension_count", 3)), HasSubstr("even"));
  EXPECT_THAT(Refusal(Model("llama").U32("llama.rope.dimension_count", 6)), HasSubstr("at most 4"));
  EXPECT_THAT(Refusal(Model("llama").F32("llama.rope.freq_base", 0)), HasSubstr("above 0"));
  EXPECT_THAT(Refusal(Model("llama").F32("llama.rope.freq_base", NAN)), HasSubstr("finite"));
  EXPECT_THAT(Refusal(Model("llama").U32("llama.vocab_size", 5)), HasSubstr("4 rows"));
  EXPECT_THAT(
      Refusal(Model("llama").U32("llama.expert_count", 2).U32("llama.expert_used_count", 5)),
      HasSubstr("at most expert_count"));
  EXPECT_THAT(Refusal(Model("llama")
                          .U32("llama.attention.key_length", 4)
                          .U32("llama.attention.value_length", 8)),
              HasSubstr("needed equal ones"));
}

TEST(GgufConfig, NamesPartialRotationOnlyWhereItIsPartial) {
  EXPECT_FALSE(Config(Model("llama").U32("llama.rope.dimension_count", 4)).Has("rotary_dim"));
  EXPECT_EQ(Config(Model("llama").U32("llama.rope.dimension_count", 2)).Int("rotary_dim"), 2);
  // Of families that rotate a part where nothing is said.
  EXPECT_EQ(Config(Model("glm4moe").U32("glm4moe.rope.dimension_count", 4)).Int("rotary_dim"), 4);
  EXPECT_EQ(Config(Model("qwen35").U32("qwen35.rope.dimension_count", 2)).Int("rotary_dim"), 2);
  EXPECT_EQ(Config(Model("qwen35")).Int("rotary_dim"), 4);
}

TEST(GgufConfig, Mistral3WithoutAWindowHasNone) {
  const ConfigView config = Config(Model("mistral3"));
  ASSERT_NE(config.values().Find("sliding_window"), nullptr);  // absent would mean 4096
  EXPECT_TRUE(config.values().Find("sliding_window")->is_null());
  const auto windowed = Model("mistral3").U32("mistral3.attention.sliding_window", 24);
  EXPECT_EQ(Config(windowed).Int("sliding_window"), 24);
}

TEST(GgufConfig, TranslatesRopeScaling) {
  EXPECT_FALSE(
      Config(Model("qwen2").String("qwen2.rope.scaling.type", "none")).Has("rope_scaling"));
  EXPECT_FALSE(Config(Model("qwen2")).Has("rope_scaling"));
  const ConfigView linear = Config(Model("qwen2").F32("qwen2.rope.scaling.factor", 4));
  EXPECT_EQ(linear.Object("rope_scaling")->String("rope_type"), "linear");
  EXPECT_EQ(linear.Object("rope_scaling")->Double("factor"), 4.0);

  const ConfigView yarn = Config(Model("qwen2")
                                     .String("qwen2.rope.scaling.type", "yarn")
                                     .F32("qwen2.rope.scaling.factor", 4)
                                     .U32("qwen2.rope.scaling.original_context_length", 32)
                                     .F32("qwen2.rope.scaling.yarn_beta_fast", 16)
                                     .F32("qwen2.rope.scaling.attn_factor", 0.5f));
  const std::optional<ConfigView> scaling = yarn.Object("rope_scaling");
  EXPECT_EQ(scaling->String("rope_type"), "yarn");
  EXPECT_EQ(scaling->Int("original_max_position_embeddings"), 32);
  EXPECT_EQ(scaling->Double("beta_fast"), 16.0);
  EXPECT_NEAR(scaling->Double("attention_factor"), 0.5 * (0.1 * std::log(4.0) + 1), 1e-12);
  EXPECT_THAT(Refusal(Model("qwen2").String("qwen2.rope.scaling.type", "new")),
              HasSubstr("known are"));
}

TEST(GgufConfig, TakesLatentAttentionApart) {
  const auto model = [] {
    return Model("deepseek2")
        .U32("deepseek2.rope.dimension_count", 4)
        .U32("deepseek2.attention.kv_lora_rank", 8);
  };
  const ConfigView old = Config(model()
                                    .U32("deepseek2.attention.head_count_kv", 2)
                                    .U32("deepseek2.attention.key_length", 10)
                                    .U32("deepseek2.attention.value_length", 5));
  const ConfigView latent = Config(model()
                                       .U32("deepseek2.attention.head_count_kv", 1)
                                       .U32("deepseek2.attention.key_length", 12)
                                       .U32("deepseek2.attention.value_length", 8)
                                       .U32("deepseek2.attention.key_length_mla", 10)
                                       .U32("deepseek2.attention.value_length_mla", 5)
                                       .U32("deepseek2.expert_gating_func", 2));
  for (const ConfigView* c : {&old, &latent}) {
    EXPECT_EQ(c->Int("qk_rope_head_dim"), 4);
    EXPECT_EQ(c->Int("qk_nope_head_dim"), 6);
    EXPECT_EQ(c->Int("v_head_dim"), 5);
    EXPECT_EQ(c->Int("num_key_value_heads"), 2);
    EXPECT_FALSE(c->Has("head_dim"));
  }
  EXPECT_EQ(old.Int("n_group"), 1);
  const ConfigView yarn = Config(model()
                                     .U32("deepseek2.attention.head_count_kv", 2)
                                     .U32("deepseek2.attention.key_length", 10)
                                     .U32("deepseek2.attention.value_length", 5)
                                     .String("deepseek2.rope.scaling.type", "yarn")
                                     .F32("deepseek2.rope.scaling.factor", 40));
  EXPECT_EQ(yarn.Object("rope_scaling")->Double("attention_factor"), 1.0);
  EXPECT_EQ(old.String("model_type"), "deepseek_v2");
  EXPECT_EQ(latent.String("model_type"), "deepseek_v3");
  EXPECT_THAT(Refusal(model()
                          .U32("deepseek2.attention.head_count_kv", 1)
                          .U32("deepseek2.attention.key_length", 12)
                          .U32("deepseek2.attention.value_length", 8)),
              HasSubstr("key_length_mla is missing"));
}

TEST(GgufConfig, ReadsTheKeysOfDeepSeekV4) {
  const auto model = [] {
    return Model("deepseek4")
        .U32("deepseek4.attention.head_count_kv", 1)
        .U32("deepseek4.attention.key_length", 4)
        .U32("deepseek4.rope.dimension_count", 4)
        .U32("deepseek4.hyper_connection.count", 3)
        .U32s("deepseek4.attention.compress_ratios", {0, 4, 128});
  };
  const ConfigView c = Config(model()
                                  .U32("deepseek4.embedding_length_out", 24)
                                  .U32("deepseek4.nextn_predict_layers", 1)
                                  .U32("deepseek4.expert_gating_func", 4)
                                  .F32s("deepseek4.swiglu_clamp_exp", {0.1f, 0.1f})
                                  .F32s("deepseek4.swiglu_clamp_shexp", {0.1f, 0.1f}));
  EXPECT_EQ(c.Int("qk_rope_head_dim"), 4);  // also where it is the whole head
  EXPECT_EQ(c.Int("hc_mult"), 3);
  EXPECT_THAT(c.Ints("compress_ratios"), ElementsAre(0, 4, 128));
  EXPECT_EQ(c.Int("num_hidden_layers"), 2);  // there is no block of predictions
  EXPECT_EQ(c.Double("swiglu_limit"), 0.1);
  EXPECT_EQ(c.String("scoring_func"), "sqrtsoftplus");
  EXPECT_EQ(c.Int("num_nextn_predict_layers"), 0);
  for (const char* tensor : {"blk.1.nextn.eh_proj.weight", "blk.1.nextn.e_proj.weight"}) {
    const ConfigView with_block =
        Config(model().U32("deepseek4.nextn_predict_layers", 1).F32Tensor(tensor, {8, 16}));
    EXPECT_EQ(with_block.Int("num_hidden_layers"), 1) << tensor;
    EXPECT_EQ(with_block.Int("num_nextn_predict_layers"), 1) << tensor;
  }
  EXPECT_THAT(Refusal(model().U32("deepseek4.embedding_length_out", 8)),
              HasSubstr("embedding_length_out is 8, needed 24"));
}

TEST(GgufConfig, RefusesLimitsOfSwiGluThatAreNotOneForAll) {
  using Limits = std::vector<float>;
  const auto model = [](const Limits& routed, const Limits& shared) {
    return Model("deepseek4")
        .F32s("deepseek4.swiglu_clamp_exp", routed)
        .F32s("deepseek4.swiglu_clamp_shexp", shared);
  };
  EXPECT_EQ(Config(model({7}, {7, 7})).Double("swiglu_limit"), 7.0);
  EXPECT_THAT(Refusal(model({1, 2}, {1, 1})),
              HasSubstr("swiglu_clamp_exp has 2, needed one limit above 0 for all layers (1)"));
  EXPECT_THAT(Refusal(model({1, 1}, {2, 2})), HasSubstr("swiglu_clamp_shexp has 2"));
  EXPECT_THAT(Refusal(model({0}, {0})), HasSubstr("swiglu_clamp_exp has 0, needed one limit"));
  EXPECT_THAT(Refusal(model({}, {10})), HasSubstr("swiglu_clamp_exp has 0 entries"));
  EXPECT_THAT(
      Refusal(model({1, 1, 1}, {1})),
      HasSubstr("swiglu_clamp_exp has 3 entries, needed 1 or one for each of the 2 layers"));

  const auto routed = [] { return Model("deepseek4").F64("deepseek4.swiglu_clamp_exp", 7); };
  EXPECT_EQ(Config(routed().F32("deepseek4.swiglu_clamp_shexp", 7)).Double("swiglu_limit"), 7.0);
  EXPECT_THAT(Refusal(routed()),
              HasSubstr("swiglu_clamp_shexp is missing, needed beside deepseek4.swiglu_clamp_exp"));
  EXPECT_THAT(Refusal(Model("deepseek4").F32("deepseek4.swiglu_clamp_shexp", 7)),
              HasSubstr("swiglu_clamp_exp is missing"));
  EXPECT_THAT(Refusal(routed().U32("deepseek4.swiglu_clamp_shexp", 7)),
              HasSubstr("swiglu_clamp_shexp is 7, needed a floating-point number or an array"));
  EXPECT_THAT(Refusal(routed().U32s("deepseek4.swiglu_clamp_shexp", {7, 7})),
              HasSubstr("swiglu_clamp_shexp is \"array of 2\", needed a floating-point number"));
  EXPECT_THAT(Refusal(routed().Strings("deepseek4.swiglu_clamp_shexp", {"7"})),
              HasSubstr("needed a floating-point number or an array"));
  EXPECT_THAT(Refusal(Model("gpt-oss").F32("gpt-oss.swiglu_clamp_exp", 10)),
              HasSubstr("gpt-oss.swiglu_clamp_exp is not known for gpt-oss"));
}

TEST(GgufConfig, CompletesTheRouterOfDeepSeekAndRefusesHalfOfItsGroups) {
  for (const std::string arch : {"deepseek2", "deepseek32"}) {
    SCOPED_TRACE(arch);
    const auto model = [&] {
      return Model(arch)
          .U32(arch + ".rope.dimension_count", 4)
          .U32(arch + ".attention.kv_lora_rank", 8)
          .U32(arch + ".attention.head_count_kv", 2)
          .U32(arch + ".attention.key_length", 10)
          .U32(arch + ".attention.value_length", 5)
          .U32(arch + ".expert_gating_func", 2);
    };
    const ConfigView silent = Config(model());
    EXPECT_EQ(silent.Int("n_group"), 1);
    EXPECT_EQ(silent.Int("topk_group"), 1);
    EXPECT_EQ(silent.Double("routed_scaling_factor"), 1.0);
    const ConfigView stated = Config(model()
                                         .U32(arch + ".expert_group_count", 8)
                                         .U32(arch + ".expert_group_used_count", 4)
                                         .F32(arch + ".expert_weights_scale", 2.5f));
    EXPECT_EQ(stated.Int("n_group"), 8);
    EXPECT_EQ(stated.Int("topk_group"), 4);
    EXPECT_EQ(stated.Double("routed_scaling_factor"), 2.5);
    EXPECT_THAT(Refusal(model().U32(arch + ".expert_group_count", 8)),
                HasSubstr("expert_group_used_count is missing"));
    EXPECT_THAT(Refusal(model().U32(arch + ".expert_group_used_count", 4)),
                HasSubstr("expert_group_count is missing"));
  }
}

TEST(GgufConfig, NamesExpertsAsEachFamilyDoes) {
  const struct {
    const char *arch, *count, *used;
  } families[] = {{"qwen3moe", "num_experts", "num_experts_per_tok"},
                  {"deepseek", "n_routed_experts", "num_experts_per_tok"},
                  {"ernie4_5-moe", "moe_num_experts", "moe_k"},
                  {"hunyuan-moe", "num_experts", "moe_topk"},
                  {"gpt-oss", "num_local_experts", "num_experts_per_tok"}};
  for (const auto& family : families) {
    SCOPED_TRACE(family.arch);
    const std::string arch = family.arch;
    const ConfigView c =
        Config(Model(arch).U32(arch + ".expert_count", 8).U32(arch + ".expert_used_count", 2));
    EXPECT_EQ(c.Int(family.count), 8);
    EXPECT_EQ(c.Int(family.used), 2);
  }
  const ConfigView mixtral =
      Config(Model("llama").U32("llama.expert_count", 8).U32("llama.expert_used_count", 2));
  EXPECT_THAT(mixtral.Strings("architectures"), ElementsAre("MixtralForCausalLM"));
}

TEST(GgufConfig, FindsErniesSparseLayersByTheirRouters) {
  GgufWriter writer = Model("ernie4_5-moe");
  EXPECT_FALSE(Config(writer).Has("moe_layer_end_index"));
  writer.F32Tensor("blk.0.ffn_gate_inp.weight", {2, 8});
  EXPECT_EQ(Config(writer).Int("moe_layer_end_index"), 0);
  EXPECT_FALSE(Config(writer).Bool("moe_use_aux_free"));
  writer.F32Tensor("blk.0.exp_probs_b.bias", {2});
  EXPECT_TRUE(Config(writer).Bool("moe_use_aux_free"));
}

TEST(GgufConfig, NormalisesExpertWeightsWhereTheArchitectureDoes) {
  EXPECT_TRUE(Config(Model("qwen3moe")).Bool("norm_topk_prob"));
  EXPECT_FALSE(
      Config(Model("qwen3moe").Bool("qwen3moe.expert_weights_norm", false)).Bool("norm_topk_prob"));
  EXPECT_FALSE(Config(Model("qwen2moe")).Has("norm_topk_prob"));
}

TEST(GgufConfig, CountsPredictionLayersApart) {
  const ConfigView c = Config(Model("glm4moe").U32("glm4moe.nextn_predict_layers", 1));
  EXPECT_EQ(c.Int("num_hidden_layers"), 1);
  EXPECT_EQ(c.Int("num_nextn_predict_layers"), 1);
  EXPECT_THAT(Refusal(Model("glm4moe").U32("glm4moe.nextn_predict_layers", 2)),
              HasSubstr("more than nextn_predict_layers"));
}

TEST(GgufConfig, FindsBiasesByTheirTensors) {
  EXPECT_FALSE(Config(Model("smollm3")).Bool("attention_bias", false));
  EXPECT_TRUE(Config(Model("smollm3").F32Tensor("blk.0.attn_q.bias", {8})).Bool("attention_bias"));
  EXPECT_FALSE(Config(Model("seed_oss")).Bool("attention_bias"));  // its class has them otherwise
  EXPECT_TRUE(Config(Model("smollm3")).Bool("rope_interleaved", false));
}

TEST(GgufConfig, ReadsGemmasWindowsAndItsScale) {
  const auto model = [] {
    return Model("gemma3")
        .U32("gemma3.attention.key_length", 4)
        .U32("gemma3.attention.value_length", 4);
  };
  const ConfigView c = Config(model()
                                  .U32("gemma3.attention.sliding_window", 24)
                                  .F32("gemma3.rope.freq_base_swa", 5000)
                                  .U32("gemma3.attention.sliding_window_pattern", 2)
                                  .F32("gemma3.attention.scale", 1 / std::sqrt(24.0f)));
  EXPECT_EQ(c.Int("sliding_window"), 24);
  EXPECT_EQ(c.Int("sliding_window_pattern"), 2);
  EXPECT_EQ(c.Double("rope_local_base_freq"), 5000.0);
  EXPECT_EQ(c.Double("query_pre_attn_scalar"), 24.0);
  EXPECT_EQ(c.String("hidden_activation"), "gelu_pytorch_tanh");
  const ConfigView silent = Config(model());
  EXPECT_EQ(silent.Int("sliding_window_pattern"), 1);  // no window at all
  EXPECT_EQ(silent.Double("query_pre_attn_scalar"), 4.0);
  const ConfigView listed = Config(model()
                                       .U32("gemma3.attention.sliding_window", 24)
                                       .U32s("gemma3.attention.sliding_window_pattern", {1, 0}));
  EXPECT_THAT(listed.Strings("layer_types"), ElementsAre("sliding_attention", "full_attention"));
  // The one size with another scale: hidden / heads.
  GgufWriter large = Model("gemma3", 62);
  for (int i = 0; i < 70; ++i) large.F32Tensor("t" + std::to_string(i), {1});
  large.U32("gemma3.attention.key_length", 2);
  EXPECT_EQ(Config(large.U32("gemma3.attention.value_length", 2)).Double("query_pre_attn_scalar"),
            4.0);
  // No other architecture has a scale of its own here: whoever reads the config refuses the key.
  EXPECT_EQ(Config(Model("qwen2").F32("qwen2.attention.scale", 2)).Double("attention_multiplier"),
            2.0);
}

TEST(GgufConfig, TakesTheDivisorsOfLongRopeFromTensors) {
  const auto model = [] {
    return Model("phi3")
        .U32("phi3.rope.scaling.original_context_length", 8)
        .F32("phi3.rope.scaling.attn_factor", 1.5f);
  };
  EXPECT_FALSE(Config(model()).Has("rope_scaling"));  // files without divisors have the key, too
  const ConfigView c = Config(model()
                                  .F32Tensor("rope_factors_short.weight", {2}, {1.0f, 1.1f})
                                  .F32Tensor("rope_factors_long.weight", {2}, {2.0f, 64.0f}));
  const std::optional<ConfigView> scaling = c.Object("rope_scaling");
  EXPECT_EQ(scaling->String("rope_type"), "longrope");
  EXPECT_THAT(scaling->Doubles("short_factor"), ElementsAre(1.0, 1.1));
  EXPECT_THAT(scaling->Doubles("long_factor"), ElementsAre(2.0, 64.0));
  EXPECT_EQ(scaling->Double("attention_factor"), 1.5);
  EXPECT_EQ(scaling->Int("original_max_position_embeddings"), 8);
  EXPECT_THAT(Refusal(model().F32Tensor("rope_factors_short.weight", {2}, {1.0f, 1.1f})),
              HasSubstr("rope_factors_long.weight is missing"));
  EXPECT_THAT(Refusal(model()
                          .F32Tensor("rope_factors_short.weight", {2}, {1.0f, 0.0f})
                          .F32Tensor("rope_factors_long.weight", {2}, {2.0f, 64.0f})),
              HasSubstr("has the divisor 0"));
}

TEST(GgufConfig, KnowsYarnsMultiplierForLatentAttentionOnly) {
  EXPECT_THAT(Refusal(Model("mistral3")
                          .String("mistral3.rope.scaling.type", "yarn")
                          .F32("mistral3.rope.scaling.factor", 4)
                          .F32("mistral3.rope.scaling.yarn_log_multiplier", 1)),
              HasSubstr("latent attention only"));
}

TEST(GgufConfig, CollectsTheIdsThatEndAGeneration) {
  const std::string bytes = GgufWriter()
                                .U32("tokenizer.ggml.eos_token_id", 2)
                                .I32("tokenizer.ggml.eot_token_id", 7)
                                .U32("tokenizer.ggml.eom_token_id", 2)
                                .Bytes();
  const GgufMetadata metadata =
      ParseGguf({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "t").metadata;
  EXPECT_THAT(EosIdsFromGguf(metadata, 8), ElementsAre(2, 7));
  EXPECT_THROW(EosIdsFromGguf(metadata, 7), Error);
}

TEST(GgufConfig, HasOneRowForEachArchitecture) {
  std::set<std::string> names;
  for (const GgufArch& arch : GgufArchs()) {
    EXPECT_TRUE(names.insert(arch.name).second) << arch.name;
    EXPECT_EQ(FindGgufArch(arch.name), &arch);
  }
  EXPECT_EQ(names.size(), 31u);
}

}  // namespace
}  // namespace tael
