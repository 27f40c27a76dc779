#!/usr/bin/env bash
# Unpacks Debian's arm64 builds of the linked libraries into FOLDER, for the cross build. Needs no
# root and leaves the machine's own package set alone. usage: scripts/fetch_arm64_libs.sh FOLDER
set -euo pipefail

packages=(libbsd0 libedit-dev libedit2 libmd0 libpcre2-8-0 libpcre2-dev libsqlite3-0 libsqlite3-dev libssl-dev libssl3 libtinfo6 zlib1g zlib1g-dev
  # libcurl with all it loads.
  libcurl4-openssl-dev libcurl4 libbrotli1 libcom-err2 libffi8 libgmp10 libgnutls30 libgssapi-krb5-2 libhogweed6
  libidn2-0 libk5crypto3 libkeyutils1 libkrb5-3 libkrb5support0 libldap-2.5-0 libnettle8 libnghttp2-14 libp11-kit0
  libpsl5 librtmp1 libsasl2-2 libssh2-1 libtasn1-6 libunistring2 libzstd1)

main() {
  local folder=${1:?usage: scripts/fetch_arm64_libs.sh FOLDER} apt
  [ "$(cat "$folder/complete" 2>/dev/null)" = "${packages[*]}" ] && return
  rm -rf "$folder"
  mkdir -p "$folder"/{lists/partial,cache/archives/partial,debs,unpacked}
  folder=$(cd "$folder" && pwd)
  touch "$folder/status"
  # The machine's own sources and keys, but lists, cache and package state of its own.
  apt=(apt-get -q -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root
    -o Dir::State::Lists="$folder/lists" -o Dir::State::status="$folder/status"
    -o Dir::Cache="$folder/cache" -o Acquire::Languages=none)
  "${apt[@]}" update || echo "fetch_arm64_libs: not every package list could be refreshed; going on" >&2
  if ! (cd "$folder/debs" && "${apt[@]}" download "${packages[@]}"); then
    echo "fetch_arm64_libs: this step needs arm64 packages from the Debian package registry that apt is set up for, and it did not answer. Hint: check the network." >&2
    exit 1
  fi
  for deb in "$folder"/debs/*.deb; do
    dpkg-deb --extract "$deb" "$folder/unpacked"
  done
  mv "$folder/unpacked/usr/include" "$folder/include"
  mkdir "$folder/lib"
  mv "$folder"/unpacked/{usr/lib,lib}/aarch64-linux-gnu/*.so* "$folder/lib"
  ln -sf libz.so.1 "$folder/lib/libz.so"  # the package links to the place it would be installed in
  rm -rf "$folder"/{lists,cache,debs,status,unpacked}
  printf '%s' "${packages[*]}" >"$folder/complete"
}

main "$@"
