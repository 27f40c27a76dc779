# Cross toolchain for 64-bit Arm on Debian 12; programs run under qemu-user. The linked libraries
# are those that scripts/fetch_arm64_libs.sh unpacks into build/arm64-libs.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc-12)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++-12)
set(CMAKE_CROSSCOMPILING_EMULATOR "qemu-aarch64;-L;/usr/aarch64-linux-gnu")

get_filename_component(arm64_libs ${CMAKE_CURRENT_LIST_DIR}/../build/arm64-libs ABSOLUTE)
set(CMAKE_PREFIX_PATH ${arm64_libs})
# RPATH, not RUNPATH: it also holds for the libraries' own dependencies.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,--disable-new-dtags -Wl,-rpath,${arm64_libs}/lib -Wl,-rpath-link,${arm64_libs}/lib")
# fmt is used header-only, so the description installed for the build machine serves.
file(GLOB fmt_DIR /usr/lib/*-linux-gnu/cmake/fmt)
