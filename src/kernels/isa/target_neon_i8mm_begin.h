// Opens a region in which functions are compiled for Armv8.2 with the products of bytes of dotprod
// and i8mm. Close it with target_end.h.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("dotprod,i8mm"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("arch=armv8.2-a+dotprod+i8mm")
#endif
