#!/usr/bin/env bash
# Makes build/packages/tael-VERSION-ARCH.tar.gz and tael_VERSION_ARCH.deb of a build. usage: packaging/build.sh [BUILD]
# BUILD: a folder with a built tael (default build/release; build/arm64 gives packages for arm64).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${1:-build/release}
program=$build/tael

fail() {
  printf 'packaging: %s\n' "$*" >&2
  exit 1
}

[ -x "$program" ] || fail "$program is not there. Hint: cmake --preset release && cmake --build --preset release"
version=$(sed -n 's/^project(tael VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
[ -n "$version" ] || fail "CMakeLists.txt names no version"
case $(od -An -tu2 -j18 -N2 "$program" | tr -d ' ') in # e_machine of ELF
  62) arch=amd64 strip=strip ;;
  183) arch=arm64 strip=aarch64-linux-gnu-strip ;;
  *) fail "$program is for neither x86-64 nor arm64" ;;
esac
out=build/packages
mkdir -p "$out"
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

# fill ROOT PREFIX: what both packages hold.
fill() {
  local root=$1 prefix=$2
  install -D -m 755 "$program" "$root$prefix/bin/tael"
  "$strip" --strip-debug "$root$prefix/bin/tael"
  install -D -m 644 LICENSE "$root$prefix/share/doc/tael/copyright"
  install -D -m 644 CHANGELOG.md "$root$prefix/share/doc/tael/CHANGELOG.md"
  install -D -m 644 docs/howto/serve.md "$root$prefix/share/doc/tael/serve.md"
  install -D -m 644 packaging/grafana.json "$root$prefix/share/doc/tael/grafana.json"
}

archive=tael-$version
mkdir "$stage/$archive"
fill "$stage/$archive" ""
install -D -m 644 packaging/tael.service "$stage/$archive/share/doc/tael/tael.service"
# Equal inputs give equal files.
when=$(git log -1 --format=%ct 2>/dev/null || date +%s)
tar --sort=name --mtime="@$when" --owner=0 --group=0 --numeric-owner -C "$stage" -cf - "$archive" |
  gzip -9n >"$out/$archive-$arch.tar.gz"

deb=$stage/deb
fill "$deb" /usr
gzip -9n "$deb/usr/share/doc/tael/CHANGELOG.md"
install -D -m 644 packaging/tael.service "$deb/usr/lib/systemd/system/tael.service"
if [ "$arch" = amd64 ]; then
  "$program" completions bash | install -D -m 644 /dev/stdin "$deb/usr/share/bash-completion/completions/tael"
fi
mkdir -p "$deb/DEBIAN"
cat >"$deb/DEBIAN/control" <<CONTROL
Package: tael
Version: $version
Architecture: $arch
Maintainer: Tael maintainers <maintainers@tael.invalid>
Section: science
Priority: optional
Installed-Size: $(du -sk "$deb/usr" | cut -f1)
Depends: libc6 (>= 2.36), libcurl4, libedit2, libgcc-s1, libpcre2-8-0, libsqlite3-0, libssl3, libstdc++6 (>= 12), zlib1g
Recommends: ca-certificates
Description: runs and serves open-weight language models on CPUs
 One program that reads GGUF and safetensors, answers on the command line and
 over the APIs of OpenAI, Anthropic and Ollama, with the same bits on every
 machine. The service is installed, and started by its administrator.
CONTROL
SOURCE_DATE_EPOCH=$when dpkg-deb --root-owner-group --build "$deb" "$out/tael_${version}_$arch.deb" >/dev/null
(cd "$out" && sha256sum "$archive-$arch.tar.gz" "tael_${version}_$arch.deb" >"SHA256SUMS-$arch" && cat "SHA256SUMS-$arch")
