// GGUF's keys for a network: the way back of checkpoint/gguf_config.
#pragma once

#include <string>

#include "checkpoint/gguf_keys.h"
#include "checkpoint/write_gguf.h"
#include "model/model.h"

namespace tael {

// The GGUF architecture of a family. Throws kUnsupported, naming the known ones, when it has none.
const GgufArch& GgufArchOf(const Family& family);

// general.* and "<arch>.*" of a model from safetensors. Throws kUnsupported for mechanisms that the
// keys cannot express; what they cannot say exactly must be found by describing the result again.
GgufEntries GgufEntriesOf(const Model& model, const GgufArch& arch, const std::string& name);

// Appends what makes the way back exact (checkpoint/carried.h): the configuration files and the
// list of tensors. REQUIRES: `entries` has all keys of the architecture.
void AddCarried(const Model& model, GgufEntries* entries);

}  // namespace tael
