// Readers of other programs' model folders. Each appends what it finds and never throws for
// folders that are missing, unreadable or laid out otherwise.
#pragma once

#include <string>
#include <vector>

#include "app/model_store.h"

namespace tael {

// Every model below `root`: GGUF files (a split set counts once) and directories with config.json
// and safetensors. Names are paths relative to `root` without ".gguf"; what `pull` put there has
// the name that it was pulled by.
void FindModelsBelow(const std::string& root, const std::string& source,
                     std::vector<ModelEntry>& out);

// models--ORG--NAME/snapshots/COMMIT below the hub cache; the commit of refs/main, else the only
// one, else each with its commit in the name.
void FindHuggingFaceModels(const std::string& hub, std::vector<ModelEntry>& out);

// Manifests below `root`/manifests, weights in `root`/blobs. "llama3:8b", or "USER/NAME:TAG".
void FindOllamaModels(const std::string& root, std::vector<ModelEntry>& out);

}  // namespace tael
