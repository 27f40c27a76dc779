# Standard headers that most sources include, parsed once per build instead of once per source. A source
# still includes what it uses: clang-tidy's preset goes without this, over all sources but tests and
# benchmarks, where a missing include may go unnoticed.
set(TAEL_COMMON_HEADERS
    <algorithm> <array> <cmath> <cstddef> <cstdint> <cstring> <filesystem> <functional> <limits> <map> <memory>
    <optional> <span> <string> <string_view> <unordered_map> <utility> <vector> <fmt/format.h>)

# The first target that asks owns the file, the others take it from there: all have the same flags.
# tael_precompile(TARGET KIND HEADER...)
function(tael_precompile target kind)
  if(NOT TAEL_PRECOMPILE)
    return()
  endif()
  get_property(owner GLOBAL PROPERTY TAEL_PRECOMPILED_${kind})
  if(owner)
    target_precompile_headers(${target} REUSE_FROM ${owner})
  else()
    target_precompile_headers(${target} PRIVATE ${ARGN})
    set_property(GLOBAL PROPERTY TAEL_PRECOMPILED_${kind} ${target})
  endif()
endfunction()
