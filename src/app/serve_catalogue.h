// The models that `tael serve` has: those it was given, or all of the model store.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "app/model_flags.h"
#include "app/sampling_flags.h"
#include "app/settings.h"
#include "server/model_host.h"

namespace tael {

struct ServeModelOptions {
  std::vector<std::string> models;  // paths or names; empty: every model of the store
  ModelFlags flags;                 // of each
  SamplingFlags sampling;           // what requests leave open
  int parallel = 16;                // sequences that run at the same time
  int cache_tokens = 0;             // positions of all sequences of a model; 0: 4 contexts
};

class ServeCatalogue : public ModelCatalogue {
 public:
  // Throws what ResolveModel() throws for a model that is not there.
  ServeCatalogue(ServeModelOptions options, LoadedSettings settings);

  std::vector<Entry> List() const override;
  std::string Resolve(const std::string& name) const override;
  std::shared_ptr<ServedModel> Load(const std::string& name) override;

 private:
  EngineOptions OptionsFor(const LoadedModel& loaded, bool embeds) const;
  void UseSampling(ServedModel& served) const;

  const ServeModelOptions options_;
  const LoadedSettings settings_;
  std::vector<Entry> given_;  // empty: the store
  const std::shared_ptr<Turnstile> turns_ = std::make_shared<Turnstile>();
};

}  // namespace tael
