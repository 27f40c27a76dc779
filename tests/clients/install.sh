#!/usr/bin/env bash
# Installs the clients that tests/e2e/*_client*_test.py drive, into build/clients. usage: tests/clients/install.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
here=tests/clients
there=build/clients
mkdir -p "$there"

# same FILE...: whether the installed clients are those of these files.
same() {
  [ -f "$there/installed" ] && cat "$@" | cmp -s - "$there/installed"
}
if same "$here/requirements.txt" "$here/package.json"; then
  echo "clients are installed already"
  exit 0
fi
rm -f "$there/installed"
[ -x "$there/venv/bin/python" ] || /usr/bin/python3 -m venv "$there/venv" || {
  echo "python3-venv is missing. Hint: scripts/install_deps.sh --test" >&2
  exit 1
}
"$there/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
cp "$here/package.json" "$there/"
(cd "$there" && npm install --no-package-lock --no-audit --no-fund --ignore-scripts)
cat "$here/requirements.txt" "$here/package.json" >"$there/installed"
