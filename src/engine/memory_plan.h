// What running a model will occupy, known from its headers before anything is loaded.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/runner_options.h"
#include "model/model.h"
#include "ops/interleaved_weights.h"
#include "runtime/process_memory.h"

namespace tael {

// A run's size: how many cache blocks it has and how large its steps get.
struct RunShape {
  int context = 1;      // positions of one sequence
  int sequences = 1;    // that run at the same time
  int rows = 1;         // tokens of the largest step
  int logit_rows = 1;   // of these, rows whose logits are wanted
  int kv_blocks = 1;    // of the cache
  int hidden_rows = 0;  // rows whose hidden states are wanted
  int state_slots = 1;  // of models with a recurrent state: sequences and snapshots
};

// Bytes that will be resident. Every part comes from the code that allocates it.
struct MemoryPlan {
  int64_t weights = 0;   // pages of files that stay, each once; replacements of adapters too
  int64_t repacked = 0;  // matrices whose rows are interleaved, in the place of the file's
  int64_t adapters = 0;  // what LoRA adapters copied
  int64_t kv_cache = 0;  // all of it, whether used or not
  int64_t states = 0;    // recurrent states, if the model has any
  int64_t scratch = 0;   // the largest step
  int64_t sampling = 0;  // one full sampler chain
  int64_t program = 0;   // code, vocabulary, tables, stacks; measured in this process
  int64_t loading = 0;   // peak of this process so far, while it read the headers
  int64_t total() const;
  // What address_space of ProcessMemory grows by: nothing is mapped for the run yet.
  int64_t new_address_space = 0;
  int threads = 1;
  int64_t stacks = 0;  // of new_address_space: those of the other threads
};

// What this process holds before the run is loaded.
struct ProcessBaseline {
  ProcessMemory now;
  int64_t weights = 0;  // of now.file: pages that MemoryPlan::weights counts
};
// REQUIRES: the model's tokenizer is loaded, if it will be: it becomes part of
// MemoryPlan::program.
ProcessBaseline MeasureProcess(const Model& model, const RunnerOptions& options = {});

// Throws kInvalidArgument for bad options.
MemoryPlan PlanMemory(const Model& model, const RunnerOptions& options, const RunShape& shape,
                      const ProcessBaseline& baseline);

// The rows of the cache. Throws kInvalidArgument when they are no whole blocks of `dtype`.
std::vector<KvLayout> CheckedKvLayouts(const Model& model, DType dtype);

// Bytes of cache blocks. Throws as CheckedKvLayouts() does.
int64_t KvCacheBytes(const Model& model, DType dtype, int kv_blocks);

// Bytes of recurrent states: of the sequences that run and of those kept for later.
int64_t StateBytes(const Model& model, int state_slots);

// Throws kInvalidArgument where the mode would compute what another one does: bf16, and no matrix
// has such weights.
void CheckMatmulMode(const Model& model, MatmulMode mode);

// Bytes of the arena in the largest step: walks through it without computing anything. Throws as
// CheckMatmulMode() does.
int64_t ScratchBytes(const Model& model, const RunnerOptions& options, const RunShape& shape);

// A part of a checkpoint's file, from page border to page border.
struct FileRange {
  std::span<const uint8_t> bytes;
  std::string file;
};
// The matrices that runs with these options interleave. Nothing is allocated yet.
InterleavedWeights PlanInterleaved(const Model& model, const RunnerOptions& options);

// The bytes of tensors that steps read from the file: all sources but what `interleaved` takes the
// place of.
std::vector<std::span<const uint8_t>> SourcesBeside(const Model& model,
                                                    const InterleavedWeights& interleaved);

// What a resident model keeps of its files: headers and the tensors that runs read, without
// overlaps, and the matrices that adapters put in the place of its own. Not what `interleaved`
// takes the place of.
std::vector<FileRange> ResidentRanges(const Model& model,
                                      const InterleavedWeights& interleaved = {});
// What drafts need beside it: the tensors of prediction blocks. May share pages with the others.
std::vector<FileRange> PredictionRanges(const Model& model);

}  // namespace tael
