// quant_method "mxfp4": the experts of a mixture in OCP MXFP4, all of a layer in one tensor.
#include "model/quantization/methods.h"

namespace tael {

Quantization ReadMxfp4(const ConfigView& config) {
  Quantization out;
  ReadExcludedParts(config, "modules_to_not_convert", &out);
  out.groups.push_back({.names = {}, .patterns = {}, .all = true, .scheme = Fp4StackScheme{}});
  return out;
}

}  // namespace tael
