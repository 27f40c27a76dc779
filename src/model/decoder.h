// The bound weights of a decoder and its forward walk.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kv/batch.h"
#include "kv/caches.h"
#include "nn/layer.h"
#include "ops/compute_context.h"
#include "spec/decoder_spec.h"
#include "tensor/weight.h"

namespace tael {

// A block of multi-token prediction (model/prediction.h).
struct PredictionWeights {
  Weight embedding;                                // [V, D]
  std::vector<float> embedding_norm, hidden_norm;  // [D]
  Weight projection;                               // [D, 2 D], of [embedding | hidden]
  LayerWeights layer;
  std::vector<float> norm;  // [D], of what the layer gives
  Weight head;              // [V, D]
};

// A packed matrix (or stack of them) under the name that its plain tensor would have.
struct NamedPacked {
  std::string name;
  std::shared_ptr<const PackedMatrix> matrix;
};

// Parameters of a decoder: matrices borrowed from the checkpoint's mapping, vectors in float32.
struct DecoderWeights {
  Weight embedding;               // [V, D]
  std::vector<float> final_norm;  // [D]
  Weight head;                    // [V, D]; the embedding again when tied
  std::vector<LayerWeights> layers;
  StreamWeights end_streams;                      // what joins the residual streams; empty with one
  std::vector<std::span<const uint8_t>> sources;  // bytes of every tensor that Forward() reads
  // Blocks behind the layers that the checkpoint holds whole, and the bytes of their own tensors.
  // A block with a defect is left out, with those behind it; the problem says why.
  std::vector<PredictionWeights> predictions;
  std::vector<std::span<const uint8_t>> prediction_sources;
  std::string prediction_problem;
  std::vector<NamedPacked> packed;  // the packed matrices among the weights
};

// Receives the residual stream for checks: after the embedding (index 0), then after each layer.
struct HiddenRecorder {
  std::vector<std::vector<float>> states;  // [L + 1][T * streams * D]
  std::vector<RouterRecord> routers;       // of the layers with experts, in their order
};

struct ForwardOptions {
  HiddenRecorder* recorder = nullptr;  // null: nobody
  // Looked at before each layer: once it is true, nobody wants the result. Null: somebody does.
  const std::atomic<bool>* abandoned = nullptr;
};

// In the arena: valid until it is reset.
struct ForwardResult {
  MatrixView<float> logits = {};  // [logit_rows, V]
  MatrixView<float> hidden = {};  // [hidden_rows, D], behind the final norm
  bool abandoned = false;  // it ended between two layers: caches hold parts, there is no result
};

// Evaluates the batch, writes its keys, values and states to `caches`. REQUIRES: ids inside the
// vocabulary, blocks cover the positions (the engine checks both).
ForwardResult Forward(const DecoderSpec& spec, const DecoderWeights& weights, const Batch& batch,
                      const Caches& caches, ComputeContext& ctx,
                      const ForwardOptions& options = {});

// Cache rows that a layer stores per position, and those of all layers.
KvLayout LayoutOf(const AttentionSpec& attention);
std::vector<KvLayout> KvLayouts(const DecoderSpec& spec);

// Floats of recurrent state that each layer keeps per sequence; 0 for layers without.
std::vector<int64_t> StateSizes(const DecoderSpec& spec);

}  // namespace tael
