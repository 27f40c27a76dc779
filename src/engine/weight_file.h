// The file that keeps interleaved rows for the next start: written once, then mapped by every
// process that runs the model (docs/decisions/0035-weight-cache.md).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "model/model.h"
#include "ops/interleaved_weights.h"
#include "runtime/worker_pool.h"

namespace tael {

// What a weight file belongs to.
struct WeightFileKey {
  std::string model;   // the path of the model's first file, for people
  std::string name;    // of the file: the same for every state of the same files
  std::string digest;  // 64 hex digits: files by size, time and inode, matrices, layout
};
// REQUIRES: `weights` takes matrices of `model`'s files only (CanKeep()).
WeightFileKey MakeWeightFileKey(const Model& model, const InterleavedWeights& weights);
// Whether all that was taken lies in files of the checkpoint, and there is something.
bool CanKeep(const Model& model, const InterleavedWeights& weights);

inline constexpr const char* kWeightFileEnding = ".weights";

struct WeightFileHeader {
  std::string model, digest;
  int64_t data_offset = 0, data_bytes = 0;
  std::vector<uint64_t> checksums;  // of every InterleavedWeights::kWindowBytes of the data
};
// The header of a weight file. Throws kNotFound, kCorrupt (what is wrong in the message).
WeightFileHeader ReadWeightFileHeader(const MappedFile& file);

// Detects damage (XXH3, 64 bits).
uint64_t WeightChecksum(std::span<const uint8_t> bytes);

// Maps the file at `path`, and reads and checks every byte of it on all workers. Throws kNotFound;
// kCorrupt when it is damaged or belongs to another state of the model; kUnavailable.
std::shared_ptr<const MappedFile> OpenWeightFile(const std::string& path, const WeightFileKey& key,
                                                 const InterleavedWeights& weights,
                                                 WorkerPool& pool);
// Where the strips are in an opened file.
const uint8_t* StripsIn(const MappedFile& file);

// Hears how many bytes are done; called by one worker at a time.
using WeightProgress = std::function<void(int64_t done, int64_t total)>;

// Writes a weight file into the empty file `fd`, and syncs it: everything is on the disk when this
// returns. Throws kUnavailable (disk full, ...), and what `read` throws. `path` is for messages.
void WriteWeightFile(int fd, const std::string& path, const WeightFileKey& key,
                     const InterleavedWeights& weights, WorkerPool& pool,
                     const InterleavedWeights::Reader& read, const WeightProgress& progress);

}  // namespace tael
