#!/usr/bin/env bash
# Runs every fuzz target of build/dev for SECONDS, two at a time, over its committed corpus and with
# the words of tests/fuzz/<target>.dict where there is one; prints one TAP line each. New inputs stay
# in build/corpus/<target>; the committed ones are only read. usage: scripts/fuzz.sh SECONDS
set -uo pipefail

fuzz_one() {
  local seconds=$1 program=$2 name corpus log words=()
  name=$(basename "$program" _fuzz)
  corpus=build/corpus/$name
  log=build/test/fuzz/$name.log
  [ ! -f "tests/fuzz/$name.dict" ] || words=(-dict="tests/fuzz/$name.dict")
  mkdir -p "$corpus" "tests/fuzz/corpus/$name" build/test/fuzz
  if timeout --kill-after=10 $((seconds + 120)) "$program" -max_total_time="$seconds" -timeout=10 \
    -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="build/corpus/$name-" \
    "${words[@]}" "$corpus" "tests/fuzz/corpus/$name" >"$log" 2>&1; then
    printf 'ok - %s: %s executions in %s s\n' "$name" \
      "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" "$seconds"
  else
    tail -n 30 "$log"
    printf 'not ok - %s: see %s\n' "$name" "$log"
    return 1
  fi
}

export -f fuzz_one
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
printf '%s\n' build/dev/*_fuzz | xargs -P "$(nproc)" -I{} bash -c 'fuzz_one "$@"' _ "${1:?usage: scripts/fuzz.sh SECONDS}" {}
