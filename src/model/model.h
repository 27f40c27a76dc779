// A model ready to run: checkpoint opened, family found, spec validated, weights bound.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/open.h"
#include "model/adapter.h"
#include "model/decoder.h"
#include "spec/decoder_spec.h"

namespace tael {

struct LoadOptions {
  // Config keys (dotted) that may stay unread without an error (--allow-unknown-key).
  std::vector<std::string> allowed_keys;
  // A config.json to use instead of the checkpoint's own; "" for none.
  std::string config_override;
  // Reads configuration and tensor tables only: enough for inspecting and planning, not for
  // running.
  bool headers_only = false;
  // Positions that the model will be asked for; 0: what it allows by itself. Above the original
  // context of a model with two lists of divisors (rope type longrope) it gets the long one.
  int context = 0;
  // Latent attention in its expanded form, a named mode (spec/latent_form.h).
  bool expanded_latents = false;
  // LoRA adapters to load beside it; names must differ.
  std::vector<AdapterSource> adapters = {};
};

// Immutable once loaded; shared by all sequences.
struct Model {
  Checkpoint checkpoint;
  DecoderSpec spec;
  DecoderWeights weights;
  bool headers_only = false;  // the vectors in `weights` are zeros
  std::vector<std::unique_ptr<Adapter>> adapters = {};
};

// Spec of an opened checkpoint: finds the family, describes, refuses unread config keys, validates.
// Throws kUnsupported (unknown architecture: lists the known ones), kCorrupt.
DecoderSpec DescribeCheckpoint(const Checkpoint& checkpoint,
                               const std::vector<std::string>& allowed_keys = {});

// Names of the architectures this build can run ("LlamaForCausalLM", ...), sorted.
std::vector<std::string> KnownArchitectures();

// Opens, describes and binds. Throws one Error that lists every problem.
std::unique_ptr<Model> LoadModel(const std::string& path, const LoadOptions& options = {});

}  // namespace tael
