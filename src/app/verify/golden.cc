#include "app/verify/golden.h"

#include <new>

#include "base/error.h"

namespace tael {

const char* GoldenKindName(GoldenKind kind) {
  switch (kind) {
    case GoldenKind::kDecoder:
      return "family";
    case GoldenKind::kLora:
      return "lora";
    case GoldenKind::kDequant:
      return "dequant";
    case GoldenKind::kQuantize:
      return "quantize";
    case GoldenKind::kQuantizeError:
      return "quantize";
    case GoldenKind::kTokenizer:
      return "tokenizer";
    case GoldenKind::kVocabulary:
      return "tokenizer";
    case GoldenKind::kTemplate:
      return "template";
    case GoldenKind::kReference:
      return "real";
    case GoldenKind::kStories:
      return "real";
  }
  return "";
}

const char* RowStatusName(RowStatus status) {
  switch (status) {
    case RowStatus::kPass:
      return "pass";
    case RowStatus::kFail:
      return "fail";
    case RowStatus::kUnsupported:
      return "unsupported";
  }
  return "";
}

VerifyRow MakeRow(const Golden& golden, const std::string& part) {
  VerifyRow row;
  row.name = part.empty() ? golden.name : golden.name + " " + part;
  row.path = golden.path;
  row.kind = GoldenKindName(golden.kind);
  return row;
}

void Judge(VerifyRow& row, double error, double tolerance) {
  row.error = error;
  row.tolerance = tolerance;
  row.status = error <= tolerance ? RowStatus::kPass : RowStatus::kFail;
}

void CheckRow(VerifyRow& row, const std::function<void(VerifyRow&)>& check) {
  try {
    check(row);
  } catch (const Error& error) {
    row.status =
        error.code() == ErrorCode::kUnsupported ? RowStatus::kUnsupported : RowStatus::kFail;
    row.detail = error.what();
  } catch (const std::bad_alloc&) {
    row.status = RowStatus::kFail;
    row.detail = "out of memory";
  }
}

}  // namespace tael
