#include "engine/hash_grid.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>

#include "base/error.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "engine/engine.h"

namespace tael {
namespace {

constexpr int kBatches[] = {1, 2, 3, 7, 16};
constexpr int kChunks[] = {1, 5, 64, 512};
constexpr int kThreads[] = {1, 2, 3, 4};

// The chosen token is not evaluated any more after the last step.
constexpr int kAnswerTokens = kGridSteps + 1;
static_assert(kGridContext == kGridPromptTokens + kAnswerTokens);

// Whole blocks, most of the prompt; something stays to be evaluated.
constexpr int kSharedTokens = kGridPromptTokens * 7 / 8 / kKvBlockPositions * kKvBlockPositions;

// Prompt of the neighbour `index`; 0 is the request itself. `alike`: the first kSharedTokens are
// the same for all, else nothing is.
std::vector<TokenId> Prompt(const Model& model, int index, bool alike) {
  std::vector<TokenId> tokens(kGridPromptTokens);
  for (int i = 0; i < kGridPromptTokens; ++i) {
    const bool common = i < kSharedTokens && (alike || index == 0);
    const uint64_t key = common ? 0 : static_cast<uint64_t>(index) + 1;
    const uint64_t bits = RandomBitsAt(key, static_cast<uint64_t>(i));
    tokens[static_cast<size_t>(i)] =
        static_cast<TokenId>(bits % static_cast<uint64_t>(model.spec.vocab_size));
  }
  return tokens;
}

// What was seen of the request: a hash for each position's logits, and the tokens.
struct Trace {
  std::map<int, std::string> positions;
  std::vector<TokenId> tokens;
  int cached_tokens = 0;
  std::exception_ptr problem;

  void Logits(int position, std::span<const float> logits) {
    Sha256 hash;
    hash.Update({reinterpret_cast<const uint8_t*>(logits.data()), logits.size_bytes()});
    positions[position] = hash.FinishHex();
  }
  std::string Hash() const {
    Sha256 hash;
    for (const auto& [position, digest] : positions) hash.Update(digest);
    for (const TokenId token : tokens) hash.Update(std::to_string(token) + " ");
    return hash.FinishHex();
  }
};

EngineRequest GridRequest(const Model& model, int index, bool alike, Trace& trace) {
  EngineRequest request;
  request.prompt = Prompt(model, index, alike);
  request.max_tokens = kAnswerTokens;
  request.observer.on_token = [&trace, index](const ChoiceId&, const SampledToken& token) {
    if (index == 0) trace.tokens.push_back(token.id);
    return Verdict::kGoOn;
  };
  request.observer.on_error = [&trace](const ChoiceId&, const std::exception_ptr& error) {
    trace.problem = error;
  };
  if (index != 0) return request;
  request.observer.on_logits = [&trace](const ChoiceId&, int position,
                                        std::span<const float> logits) {
    trace.Logits(position, logits);
  };
  request.observer.on_finish = [&trace](const ChoiceId&, const ChoiceReport& report) {
    trace.cached_tokens = report.cached_tokens;
  };
  return request;
}

// Lets an earlier request evaluate the shared beginning, and notes its logits.
void EvaluateSharedPrefix(const Model& model, Engine& engine, Trace& trace) {
  EngineRequest earlier = GridRequest(model, 0, true, trace);
  earlier.prompt.resize(kSharedTokens + 1);
  earlier.max_tokens = 1;
  engine.Submit(std::move(earlier));
  while (engine.Step()) {
  }
  trace.tokens.clear();
  trace.positions.erase(kSharedTokens);
}

void CheckRows(const GridCell& cell, int found, int wanted) {
  if (found == wanted) return;
  Fail(ErrorCode::kInternal,
       "batch {} chunk {}: a call into the model had {} rows, the cell asks for {}", cell.batch,
       cell.chunk, found, wanted);
}

EngineOptions OptionsFor(const GridCell& cell, const GridOptions& options) {
  EngineOptions out;
  out.max_context = kGridContext;
  out.limits = {.max_sequences = cell.batch,
                .max_batch_tokens = cell.batch * cell.chunk,
                .prefill_chunk = cell.chunk,
                .share_prefixes = cell.shared_prefix};
  out.runner = {.threads = cell.threads,
                .matmul = options.matmul,
                .kv_dtype = options.kv_dtype,
                .kernels = options.kernels,
                // Low enough that tiny models' products are split too.
                .worth_a_thread = 2000};
  return out;
}

template <typename Keep>
std::vector<GridCell> CellsWhere(Keep keep) {
  std::vector<GridCell> cells;
  for (const int batch : kBatches) {
    for (const int chunk : kChunks) {
      for (const int threads : kThreads) {
        for (const bool shared : {false, true}) {
          const GridCell cell{batch, chunk, threads, shared};
          if (keep(cell)) cells.push_back(cell);
        }
      }
    }
  }
  return cells;
}

// Some of the cells, so that every pair of values that two axes have in `all` occurs. Greedy: takes
// the cell that covers most pairs still missing, until none is missing.
std::vector<GridCell> PairwiseCover(const std::vector<GridCell>& all) {
  const auto pairs_of = [](const GridCell& cell) {
    const int values[] = {cell.batch, cell.chunk, cell.threads, cell.shared_prefix ? 1 : 0};
    std::vector<std::vector<int>> pairs;
    for (int a = 0; a < 4; ++a) {
      for (int b = a + 1; b < 4; ++b) pairs.push_back({a, values[a], b, values[b]});
    }
    return pairs;
  };
  std::set<std::vector<int>> missing;
  for (const GridCell& cell : all) {
    for (auto& pair : pairs_of(cell)) missing.insert(std::move(pair));
  }
  std::vector<GridCell> chosen;
  while (!missing.empty()) {
    const auto gain = [&](const GridCell& cell) {
      const auto pairs = pairs_of(cell);
      return std::count_if(pairs.begin(), pairs.end(),
                           [&](const auto& pair) { return missing.contains(pair); });
    };
    const auto best =
        std::max_element(all.begin(), all.end(),
                         [&](const GridCell& a, const GridCell& b) { return gain(a) < gain(b); });
    chosen.push_back(*best);
    for (const auto& pair : pairs_of(*best)) missing.erase(pair);
  }
  return chosen;
}

}  // namespace

std::vector<GridCell> AllGridCells() {
  return CellsWhere([](const GridCell&) { return true; });
}

std::vector<GridCell> CornerGridCells() {
  return CellsWhere([](const GridCell& cell) {
    return (cell.batch == 1 || cell.batch == 16) && (cell.chunk == 1 || cell.chunk == 512) &&
           (cell.threads == 1 || cell.threads == 4);
  });
}

std::vector<GridCell> PairwiseGridCells() { return PairwiseCover(AllGridCells()); }

std::vector<GridCell> CornerPairGridCells() { return PairwiseCover(CornerGridCells()); }

GridResult RunGridCell(const Model& model, const GridCell& cell, const GridOptions& options) {
  Engine engine(model, OptionsFor(cell, options));
  Trace trace;
  if (cell.shared_prefix) EvaluateSharedPrefix(model, engine, trace);
  const int middle = cell.batch / 2;
  for (int i = 0; i < cell.batch; ++i) {
    // The request is always number 0; who stands around it depends on the batch.
    const int index = i == middle ? 0 : (i < middle ? i + 1 : i);
    engine.Submit(GridRequest(model, index, cell.shared_prefix, trace));
  }
  GridResult result;
  int left = kGridPromptTokens - (cell.shared_prefix ? kSharedTokens : 0);
  while (engine.Step()) {
    const int rows = std::max(1, std::min(cell.chunk, left)) * cell.batch;
    CheckRows(cell, engine.last_rows(), rows);
    (left > 0 ? result.prompt_rows : result.decode_rows) =
        std::max(left > 0 ? result.prompt_rows : result.decode_rows, rows);
    left = std::max(0, left - cell.chunk);
  }
  if (trace.problem) std::rethrow_exception(trace.problem);
  if (trace.cached_tokens != (cell.shared_prefix ? kSharedTokens : 0)) {
    Fail(ErrorCode::kInternal, "batch {} chunk {}: {} tokens came from an earlier request",
         cell.batch, cell.chunk, trace.cached_tokens);
  }
  if (std::cmp_not_equal(trace.positions.size(), kGridPromptTokens + kGridSteps)) {
    Fail(ErrorCode::kInternal, "batch {} chunk {}: logits of {} positions were seen, needed {}",
         cell.batch, cell.chunk, trace.positions.size(), kGridPromptTokens + kGridSteps);
  }
  result.hash = trace.Hash();
  return result;
}

}  // namespace tael
