// The standard headers of code that is compiled for an instruction set. They come before its
// region: inside it, their inline functions would be compiled for that set too and could replace
// the baseline ones of other objects at link time.
#pragma once

#if defined(TAEL_EMULATED_REGISTERS)
// A test that has other functions in the place of intrinsics.
#elif defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>
