# Compiler flags shared by every target.
#
# -ffp-contract=off: multiplications and additions are fused only through Fma(), so that every
#   instruction set computes the same bits (docs/numerics.md).
# -fno-math-errno: sqrt compiles to the instruction. Never -ffast-math.
add_compile_options(-ffp-contract=off -fno-math-errno -Wall -Wextra -Wpedantic
                    -Wnon-virtual-dtor -Wimplicit-fallthrough)
if(TAEL_WERROR)
  add_compile_options(-Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 takes an access whose address was put together from numbers only (ivopts does that) for one to
  # address 0, what comes after it for unreachable, and so a function that stores there for one without
  # effect, whose calls vanish: seen at -O1 and -O2 in quant/packed/blocks.inl.h, EachReorderedBlock.
  add_compile_options(-fno-delete-null-pointer-checks)
  # The -Wno: GCC 12 reports impossible overflows inside libstdc++ strings and vectors at -O2 and above.
  add_compile_options(-Wshadow=local -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds
                      -Wno-maybe-uninitialized -Wno-psabi)
else()
  # The -Wno: libstdc++ 12 calls its own deprecated get_temporary_buffer in stable_sort.
  add_compile_options(-Wshadow -Wno-deprecated-declarations)
endif()
if(TAEL_SANITIZE)
  add_compile_options(-fsanitize=${TAEL_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TAEL_SANITIZE})
endif()
if(TAEL_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
# Checks before every access for what the address sanitizer reports when it happens: a quarter of the time
# that a build with sanitizers takes.
if(TAEL_SANITIZE MATCHES "address" AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options(-fno-sanitize=null,object-size,vptr)
endif()
# The kernels are some thousand functions inlined into a few: with every check in line a table of a
# vector instruction set takes compilers more than six minutes. So these sources check addresses by
# calls, arrays of their stack by `bounds` alone, and of what is undefined only what arithmetic can do.
if(TAEL_SANITIZE AND NOT TAEL_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  file(GLOB vector_tables ${CMAKE_SOURCE_DIR}/src/kernels/table_*.cc)
  list(FILTER vector_tables EXCLUDE REGEX "table_(probe_|encoders_)?scalar\\.cc$")
  string(CONCAT table_flags "-fno-sanitize=undefined,fuzzer-no-link "
         "-fsanitize=bounds,shift,signed-integer-overflow,integer-divide-by-zero "
         "-fno-sanitize-address-use-after-scope -mllvm -asan-stack=0 "
         "-mllvm -asan-instrumentation-with-call-threshold=0")
  set_source_files_properties(${vector_tables} PROPERTIES SKIP_PRECOMPILE_HEADERS ON COMPILE_FLAGS "${table_flags}")
endif()
# Intrinsics in plain C++ are thousands of small functions: optimising these as the product is takes
# compilers minutes, for tests that run a second. -O1 is also where the bug of GCC above showed.
set_source_files_properties(${CMAKE_SOURCE_DIR}/src/kernels/table_avx512_emulated_test.cc
                            ${CMAKE_SOURCE_DIR}/src/kernels/table_avx512_interleaved_emulated_test.cc
                            ${CMAKE_SOURCE_DIR}/src/kernels/table_amx_emulated_test.cc PROPERTIES
                            SKIP_PRECOMPILE_HEADERS ON COMPILE_OPTIONS -O1)
