// Adapters on every kind of network: near what merged weights give, and for each request of a mixed
// batch the bits that it has alone.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/support/engine_answers.h"
#include "tests/support/tiny_models.h"

namespace tael {
namespace {

constexpr const char* kShape =
    R"("hidden_size": 32, "vocab_size": 512, "max_position_embeddings": 512,
       "rms_norm_eps": 1e-6, "hidden_act": "silu", "tie_word_embeddings": false,)";

void Norms(const std::string& layer, TinyModel* model) {
  model->Vector(layer + "input_layernorm.weight", {32});
  model->Vector(layer + "post_attention_layernorm.weight", {32});
}

void Dense(const std::string& mlp, int64_t width, TinyModel* model) {
  model->Matrix(mlp + "gate_proj", width, 32);
  model->Matrix(mlp + "up_proj", width, 32);
  model->Matrix(mlp + "down_proj", 32, width);
}

TinyModel Latent() {
  TinyModel model(std::string(R"({"architectures": ["DeepseekV3ForCausalLM"],)") + kShape + R"(
    "num_hidden_layers": 2, "num_attention_heads": 3, "num_key_value_heads": 3, "q_lora_rank": 20,
    "kv_lora_rank": 16, "qk_nope_head_dim": 6, "qk_rope_head_dim": 8, "v_head_dim": 10,
    "intermediate_size": 40, "rope_theta": 10000, "first_k_dense_replace": 2,
    "n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 8, "n_group": 1,
    "topk_group": 1, "n_shared_experts": 1, "norm_topk_prob": true, "scoring_func": "sigmoid",
    "topk_method": "noaux_tc", "routed_scaling_factor": 1.0, "moe_layer_freq": 1})");
  model.Ends(32);
  for (const char* layer : {"model.layers.0.", "model.layers.1."}) {
    const std::string attention = std::string(layer) + "self_attn.";
    Norms(layer, &model);
    model.Matrix(attention + "q_a_proj", 20, 32);
    model.Vector(attention + "q_a_layernorm.weight", {20});
    model.Matrix(attention + "q_b_proj", 3 * 14, 20);
    model.Matrix(attention + "kv_a_proj_with_mqa", 24, 32);
    model.Vector(attention + "kv_a_layernorm.weight", {16});
    model.Matrix(attention + "kv_b_proj", 3 * 16, 16);
    model.Matrix(attention + "o_proj", 32, 30);
    Dense(std::string(layer) + "mlp.", 40, &model);
  }
  return model;
}

// A delta net and gated attention, experts in stacks, a gate for the shared one.
TinyModel Hybrid() {
  TinyModel model(std::string(R"({"architectures": ["Qwen3NextForCausalLM"],)") + kShape + R"(
    "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16,
    "rope_theta": 10000, "partial_rotary_factor": 0.5, "intermediate_size": 40,
    "layer_types": ["linear_attention", "full_attention"], "linear_num_key_heads": 2,
    "linear_num_value_heads": 4, "linear_key_head_dim": 8, "linear_value_head_dim": 8,
    "linear_conv_kernel_dim": 4, "num_experts": 3, "num_experts_per_tok": 2,
    "moe_intermediate_size": 12, "shared_expert_intermediate_size": 20, "norm_topk_prob": true})");
  model.Ends(32);
  const std::string net = "model.layers.0.linear_attn.", full = "model.layers.1.self_attn.";
  model.Matrix(net + "in_proj_qkvz", 2 * 16 + 2 * 32, 32);
  model.Matrix(net + "in_proj_ba", 8, 32);
  model.Vector(net + "conv1d.weight", {64, 1, 4}, 0.2f);
  model.Vector(net + "A_log", {4}, 0);
  model.Vector(net + "dt_bias", {4}, 0);
  model.Vector(net + "norm.weight", {8});
  model.Matrix(net + "out_proj", 32, 32);
  model.Matrix(full + "q_proj", 64, 32);
  model.Matrix(full + "k_proj", 16, 32);
  model.Matrix(full + "v_proj", 16, 32);
  model.Matrix(full + "o_proj", 32, 32);
  model.Vector(full + "q_norm.weight", {16}, 0);
  model.Vector(full + "k_norm.weight", {16}, 0);
  for (const char* layer : {"model.layers.0.", "model.layers.1."}) {
    const std::string mlp = std::string(layer) + "mlp.", experts = mlp + "experts.";
    Norms(layer, &model);
    model.Vector(mlp + "gate.weight", {3, 32}, 0);
    model.Matrix(mlp + "shared_expert_gate", 1, 32);
    Dense(mlp + "shared_expert.", 20, &model);
    model.Stack(experts + "gate_up_proj", 3, 24, 32);
    model.Stack(experts + "down_proj", 3, 32, 12);
    for (int e = 0; e < 3; ++e) {
      const std::string one = experts + std::to_string(e) + ".";
      model.targets.push_back({one + "gate_proj", experts + "gate_up_proj", 12, 32, 24 * e});
      model.targets.push_back({one + "up_proj", experts + "gate_up_proj", 12, 32, 24 * e + 12});
      model.targets.push_back({one + "down_proj", experts + "down_proj", 32, 12, 32 * e});
    }
  }
  return model;
}

// q, k and v in one matrix, gate and up in one.
TinyModel Fused() {
  TinyModel model(std::string(R"({"architectures": ["Phi3ForCausalLM"],)") + kShape + R"(
    "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
    "intermediate_size": 40, "rope_theta": 10000, "original_max_position_embeddings": 512,
    "pad_token_id": 0})");
  model.Ends(32);
  const std::string layer = "model.layers.0.";
  Norms(layer, &model);
  model.Matrix(layer + "self_attn.qkv_proj", 64, 32);
  model.Matrix(layer + "self_attn.o_proj", 32, 32);
  model.Matrix(layer + "mlp.gate_up_proj", 80, 32);
  model.Matrix(layer + "mlp.down_proj", 32, 40);
  return model;
}

struct Kind {
  const char* name;
  TinyModel (*make)();
  bool float8 = false;
};

class AdapterKinds : public testing::TestWithParam<Kind> {
 protected:
  AdapterKinds() : tiny_(GetParam().make()) {
    const std::string path = tiny_.Write(base_, GetParam().float8);
    LoadOptions options;
    options.adapters = {{"one", one_.path()}, {"two", two_.path()}};
    model_ = LoadModel(path, options);
  }

  // One sequence at a time, or all at once.
  std::vector<Answer> Answers(const std::vector<std::vector<AdapterChoice>>& lists,
                              const EngineOptions& options) const {
    std::vector<Answer> answers(lists.size());
    Engine engine(*model_, options);
    for (size_t i = 0; i < lists.size(); ++i) {
      EngineRequest request = Observed(wanted_, answers[i], true);
      request.adapters = lists[i];
      engine.Submit(request);
      engine.Step();
    }
    RunToEnd(engine);
    return answers;
  }

  static EngineOptions Options(int sequences, int chunk, int threads) {
    EngineOptions options;
    options.max_context = 128;
    options.limits = {.max_sequences = sequences, .max_batch_tokens = 64, .prefill_chunk = chunk};
    options.runner.threads = threads;
    options.runner.worth_a_thread = 0;
    options.runner.kv_dtype = DType::kF32;
    return options;
  }

  TinyModel tiny_;
  TemporaryFolder base_;
  TinyAdapter one_{tiny_.targets, 3, 5}, two_{tiny_.targets, 5, 6};
  std::unique_ptr<Model> model_;
  const Wanted wanted_{Tokens(40, 3), {}, 4};
};

INSTANTIATE_TEST_SUITE_P(All, AdapterKinds,
                         testing::Values(Kind{"latent", &Latent}, Kind{"hybrid", &Hybrid},
                                         Kind{"fused", &Fused},
                                         Kind{"float8_latent", &Latent, true},
                                         Kind{"float8_fused", &Fused, true}),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_P(AdapterKinds, AreNearMergedWeights) {
  TinyModel merged = one_.MergedInto(tiny_);
  const TemporaryFolder folder;
  const auto reference = LoadModel(merged.Write(folder));
  const Answer found = Answers({{{"one"}}}, Options(1, 64, 1))[0];
  std::vector<TokenId> all = wanted_.prompt;
  Session session(*reference, {.max_context = 128, .runner = Options(1, 64, 1).runner});
  const EvalResult want = session.Evaluate(all, {.all_logits = true});
  double error = 0, size = 0;
  for (size_t p = 0; p < all.size(); ++p) {
    const std::vector<float>& logits = found.logits.at(static_cast<int>(p));
    for (size_t i = 0; i < logits.size(); ++i) {
      const double expected = want.logits[p * logits.size() + i], e = logits[i] - expected;
      error += e * e;
      size += expected * expected;
    }
  }
  EXPECT_LT(error, 1e-9 * size);
  const Answer without = Answers({{}}, Options(1, 64, 1))[0];
  EXPECT_NE(without.logits, found.logits);
}

TEST_P(AdapterKinds, GiveTheSameBitsInAMixedBatch) {
  const std::vector<std::vector<AdapterChoice>> lists = {
      {{"one"}}, {}, {{"two"}}, {{"two", 0.5f}, {"one", -1.0f}}, {{"one"}}};
  std::vector<Answer> alone;
  for (const auto& list : lists) alone.push_back(Answers({list}, Options(1, 64, 1))[0]);
  for (const int chunk : {7, 64}) {
    const std::vector<Answer> mixed = Answers(lists, Options(5, chunk, 3));
    for (size_t i = 0; i < lists.size(); ++i) {
      SCOPED_TRACE(testing::Message() << "chunk " << chunk << " request " << i);
      EXPECT_EQ(mixed[i].error, "");
      EXPECT_EQ(mixed[i].tokens, alone[i].tokens);
      for (const auto& [position, logits] : mixed[i].logits) {
        const std::vector<float>& want = alone[i].logits.at(position);
        ASSERT_EQ(std::memcmp(logits.data(), want.data(), want.size() * sizeof(float)), 0)
            << position;
      }
    }
  }
}

TEST_P(AdapterKinds, TakeNoMoreScratchMemoryThanPlanned) {
  const RunnerOptions options = Options(2, 64, 2).runner;
  const RunShape shape{
      .context = 64, .sequences = 2, .rows = 48, .logit_rows = 2, .kv_blocks = 2, .state_slots = 2};
  ModelRunner runner(*model_, options, shape);
  const int64_t planned = ScratchBytes(*model_, options, shape);
  Batch batch;
  for (int s = 0; s < 2; ++s) {
    BatchSequence sequence{.first_row = 24 * s, .count = 24, .begin = 0, .blocks = {s}};
    sequence.adapters = ChooseAdapters(model_->adapters, {{"two"}, {"one"}});
    sequence.state = s;
    batch.sequences.push_back(sequence);
    for (int i = 0; i < 24; ++i) {
      batch.tokens.push_back(i);
      batch.positions.push_back(i);
    }
    batch.logit_rows.push_back(24 * s + 23);
  }
  runner.Forward(batch);
  EXPECT_LE(runner.scratch_peak(), planned);
}

}  // namespace
}  // namespace tael
