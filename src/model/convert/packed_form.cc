#include "model/convert/packed_form.h"

#include "base/error.h"

namespace tael {

void RequireGgufForm(const Model& model) {
  const auto quantization = model.checkpoint.config.Object("quantization_config");
  if (!quantization) return;
  const std::string method = quantization->String("quant_method", "unknown");
  if (method == "mxfp4") return;
  if (model.spec.family == "deepseek-v4") {
    Fail(
        ErrorCode::kUnsupported,
        "{}: it is the published form (method '{}'): float8 with scales for blocks of attention "
        "and shared experts, which GGUF has no type for. Its FP4 experts would be blocks of MXFP4, "
        "but a model is converted as a whole. Hint: convert a checkpoint with plain matrices, or "
        "decode this one and write other types by `tael quantize`",
        model.checkpoint.path, method);
  }
  Fail(ErrorCode::kUnsupported,
       "{}: its matrices are quantised by method '{}', which GGUF has no blocks for. Hint: convert "
       "the unquantised checkpoint; `tael quantize` decodes this one and writes other types",
       model.checkpoint.path, method);
}

}  // namespace tael
