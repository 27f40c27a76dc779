// Opens a region in which functions are compiled for AVX-512 with VNNI and BF16 (Cooper Lake,
// Sapphire Rapids, Zen 4). Close it with target_end.h.
#if defined(__clang__)
#pragma clang attribute push(                                                              \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx2," \
                          "fma,f16c"))),                                                   \
    apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx2,fma,f16c")
#endif
