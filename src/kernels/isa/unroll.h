// TAEL_UNROLL before a loop of constant length: write its body out. Both compilers spell it
// differently.
#pragma once

#if defined(__clang__)
#define TAEL_UNROLL _Pragma("unroll")
#else
#define TAEL_UNROLL _Pragma("GCC unroll 16")
#endif
