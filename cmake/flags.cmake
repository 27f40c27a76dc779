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
# The kernels are some thousand functions inlined into a few: with every check in them a table of a
# vector instruction set takes compilers more than six minutes. The scalar table is made of the same
# sources and has all checks; the others keep those of arithmetic, and the thread sanitizer's.
if(TAEL_SANITIZE AND NOT TAEL_SANITIZE STREQUAL "thread")
  file(GLOB vector_tables ${CMAKE_SOURCE_DIR}/src/kernels/table_*.cc)
  list(FILTER vector_tables EXCLUDE REGEX "table_(probe_)?scalar\\.cc$")
  set_source_files_properties(${vector_tables} PROPERTIES SKIP_PRECOMPILE_HEADERS ON COMPILE_OPTIONS
                              "-fno-sanitize=all;-fsanitize=bounds,shift,signed-integer-overflow")
endif()
