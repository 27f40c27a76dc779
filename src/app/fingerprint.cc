#include "app/fingerprint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "base/json.h"
#include "base/sha256.h"
#include "runtime/worker_pool.h"

// Compiled in here: the header is all that is needed.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tael {
namespace {

constexpr size_t kPiece = size_t{1} << 20;

struct Piece {
  std::span<const uint8_t> bytes;
  XXH128_canonical_t digest;  // big-endian on every machine
};

std::vector<Piece> CutTensors(const TensorIndex& tensors) {
  std::vector<Piece> pieces;
  for (const TensorInfo& tensor : tensors.all()) {
    for (size_t at = 0; at < tensor.bytes.size(); at += kPiece) {
      pieces.push_back({tensor.bytes.subspan(at, std::min(kPiece, tensor.bytes.size() - at)), {}});
    }
  }
  return pieces;
}

}  // namespace

std::string WeightsFingerprint(const Checkpoint& checkpoint, int threads) {
  std::vector<Piece> pieces = CutTensors(checkpoint.tensors);
  WorkerPool(threads).ParallelFor(
      static_cast<int64_t>(pieces.size()), 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          Piece& piece = pieces[static_cast<size_t>(i)];
          XXH128_canonicalFromHash(&piece.digest,
                                   XXH3_128bits(piece.bytes.data(), piece.bytes.size()));
        }
      });
  Sha256 hash;
  hash.Update(DumpJson(checkpoint.config.values()));
  for (const TensorInfo& tensor : checkpoint.tensors.all()) {
    hash.Update(
        fmt::format("\n{} {} [{}]", tensor.name, Name(tensor.dtype), fmt::join(tensor.shape, ",")));
  }
  hash.Update("\n");
  for (const Piece& piece : pieces) hash.Update(std::span<const uint8_t>(piece.digest.digest));
  return "xxh3-sha256:" + hash.FinishHex();
}

}  // namespace tael
