// How the hidden states of a text become its embedding.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/open.h"

namespace tael {

enum class PoolingKind {
  kLast,  // the state of the last token
  kMean,  // the mean of all tokens' states
  kCls,   // the state of the first token
  kNone,  // every token's own state
};

struct Pooling {
  PoolingKind kind = PoolingKind::kLast;
  bool normalize = true;  // to length 1, after pooling; zeros stay zeros
  bool operator==(const Pooling&) const = default;
};

// "last", "mean", "cls", "none".
const char* PoolingName(PoolingKind kind);
// Throws kInvalidArgument, which lists the names.
PoolingKind PoolingNamed(const std::string& name);

// What the files of a model say: modules.json and the configuration of its Pooling module, as
// sentence-transformers writes them, or <arch>.pooling_type of a GGUF file (which says nothing
// about lengths: embeddings get length 1, states of single tokens keep theirs). Throws kUnsupported
// when they say nothing, or something that Tael does not do; kCorrupt.
Pooling ReadPooling(const Checkpoint& checkpoint, int hidden_size);

// Pools the states of one text as they come. The result depends on the states alone, not on how
// many came at once. Not thread-safe.
class Pooler {
 public:
  Pooler(const Pooling& pooling, int hidden_size);

  // Whether the state at `position` of a text of `length` tokens is needed.
  bool Needs(int position, int length) const;
  // The states that are needed, in the order of positions; from position 0 on again if the text is
  // evaluated anew. Throws kCorrupt for a state that holds something that is no finite number.
  void Add(int position, std::span<const float> state);
  // The embedding; of kNone the state that came last. REQUIRES: one came.
  std::span<const float> Result();

  const Pooling& pooling() const { return pooling_; }

 private:
  Pooling pooling_;
  std::vector<float> state_;  // the result, except of kMean
  std::vector<double> sums_;  // of kMean, added in the order of positions
  int64_t count_ = 0;
};

}  // namespace tael
