// Where the interleaved rows of a model come from: a file of an earlier start, or a copy made now,
// which is kept for the next start when that pays (docs/decisions/0035-weight-cache.md).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/weight_file.h"

namespace tael {

struct WeightCacheOptions {
  std::string directory;
  bool always = false;                                // keep even what does not pay
  int64_t most = int64_t{64} << 30;                   // bytes of all weight files together
  int64_t keep_free = int64_t{10} << 30;              // bytes of the disk that stay free
  std::function<void(const std::string&)> note = {};  // what the user should know; may be empty
  WeightProgress progress = {};                       // of writing; may be empty
};

// What the decision needs to know.
struct WeightCacheFacts {
  int64_t bytes = 0;      // of the interleaved rows
  int64_t memory = 0;     // of the machine or of the control group; 0: unknown
  int64_t disk_free = 0;  // where the file would be
  double disk_rate = 0;   // bytes that the disk takes per second; 0: not measured
};
enum class WeightCacheVerdict {
  kPays,
  kCopyIsQuick,  // file and copy fit into memory together: a copy is made in no time
  kTooLarge,     // for WeightCacheOptions::most
  kDiskFull,     // less than WeightCacheOptions::keep_free would be left
  kDiskSlow,     // writing takes longer than many starts could save
};
WeightCacheVerdict JudgeWeightCache(const WeightCacheFacts& facts,
                                    const WeightCacheOptions& options);
// "" for kPays, else why not, for people.
std::string VerdictText(WeightCacheVerdict verdict, const WeightCacheFacts& facts,
                        const WeightCacheOptions& options);

// What a start with these options would do, without doing it. REQUIRES: CanKeep().
struct WeightCacheForecast {
  std::string file;
  bool kept = false;  // it is there; its content is checked by the start
  WeightCacheFacts facts;
  WeightCacheVerdict verdict = WeightCacheVerdict::kPays;  // on writing it
};
WeightCacheForecast ForecastWeightCache(const Model& model, const InterleavedWeights& weights,
                                        const WeightCacheOptions& options);

// A weight file in a folder.
struct KeptWeights {
  std::string path, model;  // model: "" when the header cannot be read
  int64_t bytes = 0;        // on the disk
  int64_t used_ns = 0;      // when it was written or last used, since 1970
};
// Of `directory`, what was used last first. A missing folder has none. Half-written files count
// too.
std::vector<KeptWeights> ListKeptWeights(const std::string& directory);
// Whether the file is gone now. A half-written one stays while another process writes it; else
// errno says what is wrong.
bool RemoveWeightFile(const std::string& path);
// Those of `kept` that leave so that `bytes` more fit into `most`: the longest unused ones.
std::vector<KeptWeights> MakeRoom(std::vector<KeptWeights> kept, int64_t bytes, int64_t most);

// How the rows of a runner came into memory.
struct PackedWeights {
  enum class From { kNothing, kCopy, kNewFile, kFile };
  From from = From::kNothing;
  double seconds = 0;
  int64_t bytes = 0;       // resident
  std::string file = {};   // kNewFile, kFile: mapped from it
  int64_t file_bytes = 0;  // on the disk
};

// Gives `weights` their strips. `options` may be null: no files. A file that cannot be used or
// written is said by `note`, and a copy is made. Throws what `read` throws, std::bad_alloc.
PackedWeights PackWeights(const Model& model, InterleavedWeights& weights, WorkerPool& pool,
                          const InterleavedWeights::Reader& read,
                          const WeightCacheOptions* options);

}  // namespace tael
