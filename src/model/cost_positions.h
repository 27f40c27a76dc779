// Which positions of the cache and of states a step reads, computes with and writes.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kv/batch.h"

namespace tael {

// Positions that the rows of the batch see with a window of `window` (0 = all).
struct Visible {
  int64_t stored = 0;  // distinct ones of each sequence: what is read
  int64_t scored = 0;  // summed over rows: what is computed
};

inline Visible CountVisible(const Batch& batch, int window) {
  Visible visible;
  for (const BatchSequence& sequence : batch.sequences) {
    if (sequence.count == 0) continue;
    const int end = sequence.begin + sequence.count;
    const int first = window > 0 ? std::max(0, sequence.begin + 1 - window) : 0;
    visible.stored += end - first;
    for (int position = sequence.begin; position < end; ++position) {
      visible.scored += window > 0 ? std::min(position + 1, window) : position + 1;
    }
  }
  return visible;
}

// Entries of `ratio` positions that rows see, at most `most` each (0 = all).
inline Visible CountEntries(const Batch& batch, int ratio, int64_t most) {
  Visible visible;
  for (const BatchSequence& sequence : batch.sequences) {
    visible.stored += sequence.count > 0 ? (sequence.begin + sequence.count) / ratio : 0;
    for (int i = 1; i <= sequence.count; ++i) {
      const int64_t entries = (sequence.begin + i) / ratio;
      visible.scored += most > 0 ? std::min(entries, most) : entries;
    }
  }
  return visible;
}

// Positions whose rows go through the states that entries are made of.
struct StatePositions {
  int64_t read = 0;  // before the step, of entries that it completes; each once
  int64_t written = 0;
};

inline StatePositions CountStatePositions(const Batch& batch, int ratio, bool overlapping) {
  StatePositions positions;
  const int kept = overlapping ? 2 * ratio : ratio;
  for (const BatchSequence& sequence : batch.sequences) {
    positions.written += std::min(sequence.count, kept);
    // The first entry that the step completes takes the most of them.
    const int start = sequence.begin / ratio * ratio;
    if (start + ratio > sequence.begin + sequence.count) continue;
    positions.read += sequence.begin - std::max(0, overlapping ? start - ratio : start);
  }
  return positions;
}

// What rows read that see at most `top_k` positions, chosen by an indexer.
struct Chosen {
  int64_t latent_rows = 0;   // at most: rows may choose the same positions, or different ones
  int64_t index_rows = 0;    // index keys, of sequences where a row has something to choose
  int64_t index_scored = 0;  // summed over those rows
};

inline Chosen CountChosen(const Batch& batch, int top_k) {
  Chosen chosen;
  for (const BatchSequence& sequence : batch.sequences) {
    const int end = sequence.begin + sequence.count;
    int64_t seen = 0, scored = 0;
    for (int position = sequence.begin; position < end; ++position) {
      seen += std::min(position + 1, top_k);
      if (position >= top_k) scored += position + 1;
    }
    chosen.latent_rows += std::min<int64_t>(end, seen);
    chosen.index_rows += scored > 0 ? end : 0;
    chosen.index_scored += scored;
  }
  return chosen;
}

}  // namespace tael
