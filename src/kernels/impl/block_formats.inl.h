// The block formats that have a struct of their own: FormatX for rows, StripX for interleaved rows.
// TAEL_BLOCK_FORMATS(X) is X(name) for each.
#pragma once

// clang-format off
#define TAEL_BLOCK_FORMATS(X)                            \
  X(Q4_0) X(Q4_1) X(Q5_0) X(Q5_1) X(Q8_0) X(IQ4_NL)      \
  X(MXFP4) X(Q2_K) X(Q3_K) X(Q4_K) X(Q5_K) X(Q6_K) X(IQ4_XS)
// clang-format on
