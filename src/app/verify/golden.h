// Vocabulary of `tael verify`: a golden that was found, and the row its check gives.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/settings.h"

namespace tael {

enum class GoldenKind {
  kDecoder,        // golden.safetensors of a model folder or GGUF file: logits and more
  kLora,           // golden.safetensors beside an adapter
  kDequant,        // dequant/*.safetensors: stored blocks and their values
  kQuantize,       // quantize/*.safetensors: values and their stored blocks
  kQuantizeError,  // quantize/rows.safetensors with reference_error.json
  kTokenizer,      // goldens/*.jsonl.gz
  kVocabulary,     // X.gguf.out with X.gguf and a shared .inp
  kTemplate,       // goldens.jsonl
  kReference,      // reference.json of a real model
  kStories,        // golden_greedy.json, golden_nll.json of a llama2.c model
};

// "family", "quantised", "lora", ...: the `kind` of rows.
const char* GoldenKindName(GoldenKind kind);

struct Golden {
  GoldenKind kind = GoldenKind::kDecoder;
  std::string path;   // the golden's own file
  std::string name;   // for people: path relative to what was asked for
  std::string model;  // kDecoder: model directory or GGUF file; "" = none was found
  // kLora: the adapter that is applied to `model`; "" for none.
  std::string adapter = "";
};

enum class RowStatus { kPass, kFail, kUnsupported };
const char* RowStatusName(RowStatus status);

// How often two models agree.
struct Agreement {
  int64_t same = 0, of = 0;
  void Count(bool equal) {
    ++of;
    same += equal ? 1 : 0;
  }
};

struct VerifyRow {
  std::string name, path, kind;
  RowStatus status = RowStatus::kFail;
  std::optional<double> error;  // the worst measured; nullopt when nothing could be measured
  double tolerance = 0;
  // Of logits: on the best token of each position, and on each greedily picked token.
  Agreement top1, greedy;
  std::string detail;  // why it does not pass
};

enum class MatmulChoice { kBoth, kFloat, kInteger };

struct VerifyContext {
  Settings settings;
  std::vector<std::string> assets;  // --assets folders
  MatmulChoice matmul = MatmulChoice::kBoth;
  int threads = 0;
};

// A row of a golden with name, path and kind filled in; `part` is added to the name.
VerifyRow MakeRow(const Golden& golden, const std::string& part = "");

// Sets error, tolerance and pass/fail. A NaN error fails.
void Judge(VerifyRow& row, double error, double tolerance);

// Runs `check` on the row; an Error becomes its status: `unsupported` for kUnsupported, else
// `fail`.
void CheckRow(VerifyRow& row, const std::function<void(VerifyRow&)>& check);

}  // namespace tael
