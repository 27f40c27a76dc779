// The configuration of a GGUF model in Hugging Face's vocabulary.
#pragma once

#include <cstdint>
#include <vector>

#include "checkpoint/config_view.h"
#include "checkpoint/gguf.h"

namespace tael {

// Translates the keys under `<arch>.` by the table of gguf_keys.h. Sizes that contradict each other
// or the tensors are refused, all in one message. Beyond Hugging Face's own keys there can be:
//   rotary_dim        int   rotated elements per head, where fewer than head_dim
//   rope_interleaved  true  rows of q and k are permuted for rope on neighbouring elements
//   linear_value_heads_tiled  true  value head j of linear attention reads key head j mod key heads
//   gguf:<key>        any   a key the table does not know; whoever reads the config must refuse it
// Throws kUnsupported (unknown architecture, adapter, projector) and kCorrupt.
ConfigView ConfigFromGguf(const GgufMetadata& metadata, const TensorIndex& tensors);

// The ids that end a generation: eos, end of turn, end of message. Throws kCorrupt when one is not
// an id below `vocab_size`.
std::vector<int64_t> EosIdsFromGguf(const GgufMetadata& metadata, int64_t vocab_size);

}  // namespace tael
