// How models are pulled: settings and the variables that other programs for the hubs read too.
#pragma once

#include "app/settings.h"
#include "hub/model_pull.h"

namespace tael {

// HF_ENDPOINT, HF_TOKEN (HUGGING_FACE_HUB_TOKEN; the file HF_TOKEN_PATH or huggingface-cli's),
// MODELSCOPE_ENDPOINT, MODELSCOPE_API_TOKEN, SSL_CERT_FILE, and [hub]. Throws kInvalidArgument.
PullSetup MakePullSetup(const Settings& settings);
HubKind DefaultHub(const Settings& settings);

// Refuses, by what is known from headers, a model that this build cannot run or that does not fit
// into the memory of this machine; the error has the plan. `name` takes the place of `path` in it.
void InspectBeforePull(const Settings& settings, const std::string& path, const std::string& name);

// A model on this disk and what belongs to it, with its name in the store. Opens it; throws what
// opening throws, kUnsupported for forms that have no folder of their own (llama2.c).
struct LocalModel {
  PulledModel model;
  std::vector<LocalFile> files;
};
LocalModel OpenLocalModel(const std::string& path, const std::string& name,
                          const Settings& settings);

}  // namespace tael
