// The named modes of matrix products: what activations become before they meet weights.
#pragma once

namespace tael {

// docs/numerics.md says what each computes; `--matmul` names it.
enum class MatmulMode {
  kInteger,  // block formats multiply with 8-bit activations, other weights in float32 (default)
  kFloat,    // every weight is decoded, arithmetic in float32
  kBf16,     // weights of BF16 multiply with activations of BF16, all others as with kInteger
};

// Whether weights with an integer form are multiplied in integers.
constexpr bool InIntegers(MatmulMode mode) { return mode != MatmulMode::kFloat; }

}  // namespace tael
