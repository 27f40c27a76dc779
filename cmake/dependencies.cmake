# Third-party libraries, all from Debian 12 (docs/dependencies.md says why each is here).
find_package(Threads REQUIRED)
# fmt is compiled into tael_base (src/base/fmt_build.cc); only its headers are used.
find_package(fmt 9 REQUIRED)
if(TAEL_TESTS AND CMAKE_CROSSCOMPILING)
  # Debian's package also carries the sources, which the cross compiler can build.
  add_subdirectory(/usr/src/googletest ${CMAKE_BINARY_DIR}/googletest EXCLUDE_FROM_ALL)
elseif(TAEL_TESTS)
  find_package(GTest QUIET)
  find_path(SIMDE_INCLUDE simde/x86/avx512.h)  # header-only: nothing to link
  if(NOT GTest_FOUND OR NOT SIMDE_INCLUDE)
    message(STATUS "GoogleTest or SIMDe is not installed: the tests are left out (scripts/install_deps.sh --test)")
    set(TAEL_TESTS OFF)
  endif()
endif()

# What a folder needs beyond the other folders. Called once per folder by tael_add_layer().
macro(tael_layer_dependencies folder)
  if("${folder}" STREQUAL "base")
    find_package(ZLIB REQUIRED)
    find_package(nlohmann_json REQUIRED)
    target_link_libraries(tael_base PRIVATE ZLIB::ZLIB nlohmann_json::nlohmann_json)
  elseif("${folder}" STREQUAL "runtime")
    target_link_libraries(tael_runtime PUBLIC Threads::Threads)
  elseif("${folder}" STREQUAL "text")
    find_library(PCRE2_LIBRARY pcre2-8 REQUIRED)
    target_link_libraries(tael_text PRIVATE ${PCRE2_LIBRARY})
  elseif("${folder}" STREQUAL "store")
    find_library(SQLITE_LIBRARY sqlite3 REQUIRED)
    target_link_libraries(tael_store PRIVATE ${SQLITE_LIBRARY} PUBLIC Threads::Threads)
  elseif("${folder}" STREQUAL "net")
    # Beast and Asio are headers.
    find_path(BOOST_INCLUDE boost/beast/http.hpp REQUIRED)
    find_package(OpenSSL 3 REQUIRED)
    # Debian keeps the configuration of each architecture in a folder of its own.
    if(CMAKE_CROSSCOMPILING)
      target_include_directories(tael_net SYSTEM PUBLIC ${OPENSSL_INCLUDE_DIR}/${CMAKE_SYSTEM_PROCESSOR}-linux-gnu)
    endif()
    target_link_libraries(tael_net PUBLIC OpenSSL::SSL Threads::Threads)
  elseif("${folder}" STREQUAL "app")
    find_library(EDIT_LIBRARY edit REQUIRED)
    find_package(CLI11 REQUIRED)
    # Header-only: nothing to link.
    find_path(TOMLPLUSPLUS_INCLUDE toml++/toml.h REQUIRED)
    find_path(XXHASH_INCLUDE xxhash.h REQUIRED)
    target_link_libraries(tael_app PRIVATE ${EDIT_LIBRARY} CLI11::CLI11)
    set_property(SOURCE ${CMAKE_SOURCE_DIR}/src/app/version.cc APPEND PROPERTY
                 COMPILE_DEFINITIONS TAEL_VERSION="${PROJECT_VERSION}")
  endif()
endmacro()
