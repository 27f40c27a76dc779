#!/usr/bin/env bash
# Installs the Debian 12 packages that building Tael needs; with --test also those of ./test.sh.
# Runs without questions, as root or through sudo. What is there already is left alone: a second
# run asks no registry. usage: scripts/install_deps.sh [--test]
set -euo pipefail

build_packages=(ca-certificates cmake g++ libboost1.81-dev libcli11-dev libcurl4-openssl-dev libedit-dev libfmt-dev
  libpcre2-dev libsqlite3-dev libssl-dev libtomlplusplus-dev libxxhash-dev ninja-build nlohmann-json3-dev python3 python3-pip zlib1g-dev)
test_packages=(clang-19 clang-format-19 clang-tidy-19 libclang-rt-19-dev llvm-19
  libgmock-dev libgtest-dev libsimde-dev g++-12-aarch64-linux-gnu openssl prometheus python3-venv qemu-user shellcheck strace)

say() { printf 'install_deps: %s\n' "$*"; }
fail() { printf 'install_deps: %s\n' "$*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo env DEBIAN_FRONTEND=noninteractive "$@"
  else
    fail "installing packages needs root: run this script as root, or install sudo"
  fi
}

# Prints those of its arguments that dpkg does not have installed.
missing() {
  local package
  for package in "$@"; do
    dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
      printf '%s\n' "$package"
  done
}

install() {
  say "installing: $*"
  as_root apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" ||
    fail "step 'install $*' needs the Debian package registry that apt is set up for, and it did not answer. Hint: check the network, then run this script again."
}

main() {
  local test=no wanted=()
  case "${1-}" in
    "") ;;
    --test) test=yes ;;
    *) fail "unknown argument '$1'; usage: scripts/install_deps.sh [--test]" ;;
  esac
  command -v apt-get >/dev/null ||
    fail "this script installs Debian packages, but there is no apt-get here. Hint: docs/dependencies.md lists what to install by hand."
  export DEBIAN_FRONTEND=noninteractive

  wanted=("${build_packages[@]}")
  if [ "$test" = yes ]; then
    wanted+=("${test_packages[@]}")
    # Any Node.js will do: one that is already here is not replaced.
    command -v npm >/dev/null || wanted+=(nodejs npm)
  fi

  mapfile -t wanted < <(missing "${wanted[@]}")
  if [ "${#wanted[@]}" -eq 0 ]; then
    say "everything is installed"
    return
  fi
  say "refreshing the package lists"
  # A foreign list that cannot be had is no reason to stop: the installation below decides.
  as_root apt-get update -q -o DPkg::Lock::Timeout=300 ||
    say "not every package list could be refreshed; going on"
  install "${wanted[@]}"
}

main "$@"
