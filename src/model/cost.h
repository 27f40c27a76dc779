// What a step of a model has to read and to multiply: the numerators of every measured share of a
// machine's limits. A pure function of the network, its weights and the batch.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "kv/batch.h"
#include "model/decoder.h"

namespace tael {

// Where the work of a step lies.
enum class CostKind {
  kEmbedding,   // the rows of the table that the tokens name
  kProjection,  // matrices around attention
  kAttention,   // products with cached keys and values
  kFfn,         // feed-forward matrices and shared experts
  kExperts,     // routed experts
  kRouter,      // the matrix that scores experts
  kNorm,        // gains of the norms
  kHead,        // the matrix that gives the logits
  kCount,
};
const char* Name(CostKind kind);  // "embedding", "projection", ...

// Bytes count once per step, however often kernels pass over them: this is what memory must
// deliver. Multiply-adds count as often as they are done. Element-wise work (norms, activations,
// rope, softmax) is not counted: it is below 1 % of the products of real models.
struct Cost {
  int64_t weight_bytes = 0;
  int64_t expert_bytes = 0;  // those of weight_bytes that belong to routed experts
  int64_t kv_read_bytes = 0, kv_written_bytes = 0;
  int64_t integer_macs = 0;  // of bytes: block formats with 8-bit activations
  int64_t float_macs = 0;
  int64_t bf16_macs = 0;  // with activations of BF16 (docs/numerics.md, 17)

  // What is read from tensors and from the cache.
  int64_t bytes_read() const { return weight_bytes + kv_read_bytes; }
  Cost& operator+=(const Cost& other);
  bool operator==(const Cost&) const = default;
};

struct StepCost {
  std::array<Cost, static_cast<size_t>(CostKind::kCount)> parts;

  Cost& operator[](CostKind kind) { return parts[static_cast<size_t>(kind)]; }
  const Cost& operator[](CostKind kind) const { return parts[static_cast<size_t>(kind)]; }
  Cost Total() const;
  StepCost& operator+=(const StepCost& other);
};

// How the step is computed.
struct CostOptions {
  DType kv_dtype = DType::kF16;
  MatmulMode matmul = MatmulMode::kInteger;
};

// The cost of Forward() with this batch: what lies outside of the layers, then each layer. Of a
// mixture of experts the chosen ones count: each as often as it is used, its bytes once. Which ones
// is not known here: rows are taken to choose different ones while there are any, which is exact
// for one row and the most that can be read for several. Adapters count with the matrices that they
// change. A recurrent state is read and written once per step and sequence; of the states that
// compressed entries are made of, the positions that the step keeps are written and those before it
// that its entries need are read. A sequence's keys and values count once, from the first position
// that one of its rows sees to the last; blocks that sequences share count for each.
std::vector<StepCost> CostByLayer(const DecoderSpec& spec, const DecoderWeights& weights,
                                  const Batch& batch, const CostOptions& options);
// All of it together.
StepCost CostOf(const DecoderSpec& spec, const DecoderWeights& weights, const Batch& batch,
                const CostOptions& options);

}  // namespace tael
