// Opens a region in which functions are compiled for AVX-512 with VNNI and for AMX's tiles of
// integers and BF16 numbers (Sapphire Rapids). Close it with target_end.h.
#if defined(__clang__)
#pragma clang attribute push(                                                       \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma," \
                          "f16c,amx-tile,amx-int8,amx-bf16"))),                     \
    apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target( \
    "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c,amx-tile,amx-int8,amx-bf16")
#endif
