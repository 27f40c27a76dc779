#include "app/verify/grid.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "app/command.h"
#include "app/model_flags.h"
#include "app/model_store.h"
#include "app/spec_json.h"
#include "app/terminal.h"
#include "app/version.h"
#include "base/error.h"
#include "base/json.h"
#include "engine/hash_grid.h"
#include "kernels/forced_isa.h"
#include "spec/latent_form.h"

namespace tael {
namespace {

// Above this, 160 cells take hours.
constexpr int64_t kSmallModelBytes = 20'000'000;

struct CellRun {
  GridCell cell;
  std::string table;
  GridResult result;
  double seconds = 0;
};

int64_t WeightBytes(const Model& model) {
  int64_t bytes = 0;
  for (const TensorInfo& tensor : model.checkpoint.tensors.all()) {
    bytes += static_cast<int64_t>(tensor.bytes.size());
  }
  return bytes;
}

std::vector<GridCell> ChosenCells(const std::string& name, bool small) {
  if (name == "all" || (name == "auto" && small)) return AllGridCells();
  if (name == "corners") return CornerGridCells();
  return name == "corner-pairs" ? CornerPairGridCells() : PairwiseGridCells();
}

Json CellToJson(const CellRun& run) {
  Json json;
  json.Set("table", run.table);
  json.Set("batch", run.cell.batch);
  json.Set("chunk", run.cell.chunk);
  json.Set("threads", run.cell.threads);
  json.Set("shared_prefix", run.cell.shared_prefix);
  json.Set("prompt_rows", run.result.prompt_rows);
  json.Set("decode_rows", run.result.decode_rows);
  json.Set("seconds", run.seconds);
  json.Set("hash", run.result.hash);
  return json;
}

std::string CellToText(const CellRun& run) {
  return fmt::format(
      "{:9} batch {:2} chunk {:3} threads {} prefix {:6} rows {:4} then {:2}  {:6.2f} s  {}\n",
      run.table, run.cell.batch, run.cell.chunk, run.cell.threads,
      run.cell.shared_prefix ? "shared" : "own", run.result.prompt_rows, run.result.decode_rows,
      run.seconds, run.result.hash.substr(0, 16));
}

class Grid {
 public:
  Grid(const Model& model, const GridCommand& command) : model_(model), command_(command) {
    if (command.json) return;
    PrintOut(fmt::format("{}, --matmul {}, cache {}{}, numerics version {}\n", command.model,
                         MatmulName(command.matmul), Name(command.kv),
                         HasExpandedLatents(model.spec) ? ", --mla expanded" : "",
                         kNumericsVersion));
  }

  void Run(const std::vector<GridCell>& cells, const KernelTable* table) {
    for (const GridCell& cell : cells) {
      const auto start = std::chrono::steady_clock::now();
      const GridOptions options{command_.matmul, command_.kv, table};
      CellRun run{cell, table->name, RunGridCell(model_, cell, options), 0};
      run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      if (!command_.json) PrintOut(CellToText(run));
      FlushOut();
      hashes_.insert(run.result.hash);
      runs_.push_back(std::move(run));
    }
  }

  int Finish() const {
    if (command_.json) {
      Json json;
      json.Set("model", model_.checkpoint.path);
      json.Set("numerics_version", kNumericsVersion);
      json.Set("matmul", MatmulName(command_.matmul));
      json.Set("kv", Name(command_.kv));
      SetLatentForm(model_, &json);
      Json cells = JsonArray{};
      for (const CellRun& run : runs_) cells.Append(CellToJson(run));
      json.Set("cells", std::move(cells));
      Json hashes = JsonArray{};
      for (const std::string& hash : hashes_) hashes.Append(hash);
      json.Set("hashes", std::move(hashes));
      PrintOut(DumpJson(json) + "\n");
    } else {
      PrintOut(
          fmt::format("{} cells, {} distinct: {}\n", runs_.size(),
                      hashes_.size() == 1 ? "1 hash" : fmt::format("{} hashes", hashes_.size()),
                      fmt::join(hashes_, " ")));
    }
    return hashes_.size() == 1 ? kExitOk : kExitFailure;
  }

 private:
  const Model& model_;
  const GridCommand& command_;
  std::vector<CellRun> runs_;
  std::set<std::string> hashes_;
};

}  // namespace

int RunHashGrid(const GridCommand& command, const Settings& settings) {
  LoadOptions load;
  load.expanded_latents = command.expanded_latents;
  const auto model = LoadModel(ResolveModel(command.model, settings), load);
  if (model->spec.max_context < kGridContext) {
    // Equal bits are promised for any position, and the tiny models were made for fewer.
    PrintError(fmt::format("tael: note: {} was made for {} positions; the grid uses {}\n",
                           command.model, model->spec.max_context, kGridContext));
    model->spec.max_context = kGridContext;
  }
  Grid grid(*model, command);
  const KernelTable* best = SelectKernelTable();
  if (best == nullptr) {
    Fail(ErrorCode::kInvalidArgument, "TAEL_FORCE_ISA names kernels that cannot run: {}",
         WhyNoKernelTable());
  }
  const bool small = WeightBytes(*model) < kSmallModelBytes;
  grid.Run(ChosenCells(command.cells, small), best);
  if (!small && command.tables.empty()) {
    PrintError(fmt::format(
        "tael: note: only the {} kernels run: others would take days with a model of this size\n",
        best->name));
  }
  if (command.tables == "best" || (!small && command.tables.empty())) return grid.Finish();
  const bool pairs = command.cells == "pairwise" || command.cells == "corner-pairs";
  const std::vector<GridCell> corners = pairs ? CornerPairGridCells() : CornerGridCells();
  for (auto table = SupportedKernelTables(); *table != nullptr; ++table) {
    if (*table != best) grid.Run(corners, *table);
  }
  return grid.Finish();
}

}  // namespace tael
