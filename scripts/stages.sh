# Sourced by test.sh: runs the stages of the test command and counts single checks.
# A stage is a function or command; its output goes to build/test/<name>.log. Counted are the result
# lines of GoogleTest, Python's unittest and TAP (`ok`, `not ok`, `# SKIP`); a stage without any
# counts as one check, its exit code. A failing stage with no failed check counts as one failure.
# shellcheck shell=bash

log_dir=build/test
passed=0
failed=0
skipped=0
failed_logs=()

# How many lines of FILE match PATTERN.
matches() { grep -cE "$2" "$1" || true; }

# stage NAME COMMAND...
stage() {
  local name=$1 start=$SECONDS log status=0 good bad left
  log=$log_dir/$name.log
  shift
  printf '%-14s ' "$name"
  "$@" >"$log" 2>&1 </dev/null || status=$?
  left=$(matches "$log" '^\[  SKIPPED \] [^ ]+ \(|^ok .*# SKIP|\.\.\. skipped ')
  good=$(($(matches "$log" '^\[       OK \] |^ok |\.\.\. ok$') - $(matches "$log" '^ok .*# SKIP')))
  bad=$(matches "$log" '^\[  FAILED  \] .*\([0-9]+ ms\)$|^not ok |\.\.\. (FAIL|ERROR)$')
  if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
    bad=1
  elif [ $((good + bad + left)) -eq 0 ]; then
    good=1
  fi
  passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + left))
  printf '%5d passed %3d failed %3d skipped  %4d s\n' "$good" "$bad" "$left" $((SECONDS - start))
  [ "$left" -eq 0 ] || show_skips "$log"
  if [ "$bad" -gt 0 ] || [ "$status" -ne 0 ]; then
    failed_logs+=("$log")
    show_failures "$log" | sed 's/^/    | /'
    printf '    stage %s failed (exit code %d); the whole log is %s\n' "$name" "$status" "$log"
    return 1
  fi
}

# The failed checks with the lines before them; without any, the errors or the end of the log.
show_failures() {
  local pattern='^\[  FAILED  \] .*ms\)$|^not ok |\.\.\. (FAIL|ERROR)$'
  if ! grep -E -B 12 "$pattern" "$1" | grep -vE '^\[       OK|^\[ RUN|^ok ' | head -n 80; then
    grep -E -A 4 'error:|Error:' "$1" | head -n 40 || tail -n 40 "$1"
  fi
}

# Every skip with its reason, equal reasons once.
show_skips() {
  grep -E '^ok .*# SKIP' "$1" | sed 's/^ok [0-9 -]*/    skipped: /' | sort | uniq -c | head -n 20 || true
  grep -A3 -E '_test\.cc:[0-9]+: Skipped$' "$1" | grep -vE 'Skipped$|^--$|^$|^\[' | sort | uniq -c |
    sed -E 's/^ *([0-9]+) /    \1 skipped: /' | head -n 20 || true
}

# run_one LOG PROGRAM PART PARTS: one part of a program's tests with a time limit, through RUNNER if that is
# set. A crash is a failed check too.
run_one() {
  local status=0
  # shellcheck disable=SC2086
  GTEST_SHARD_INDEX=$3 GTEST_TOTAL_SHARDS=$4 \
    timeout --kill-after=10 "${TEST_TIMEOUT:-900}" ${RUNNER-} "$2" >"$1" 2>&1 || status=$?
  [ "$status" -le 1 ] || echo "not ok - $2 ended with exit code $status" >>"$1"
  return "$((status != 0))"
}
export -f run_one

# run_programs PRESET PROGRAM...: each in as many parts as there are processors, so that a long one does not
# run alone at the end; their output one after the other.
run_programs() {
  local logs=$log_dir/$1 status=0 program part parts
  shift
  parts=$(nproc)
  mkdir -p "$logs"
  for program in "$@"; do
    for ((part = 0; part < parts; ++part)); do
      printf '%s\n' "$logs/$(basename "$program").$part.log" "$program" "$part" "$parts"
    done
  done | xargs -P "$parts" -n 4 bash -c 'run_one "$@"' _ || status=1
  for program in "$@"; do
    printf '=== %s\n' "$program"
    for ((part = 0; part < parts; ++part)); do cat "$logs/$(basename "$program").$part.log"; done
  done
  return "$status"
}

# The last lines of the test command; its exit code is non-zero when a check failed.
finish() {
  local log
  for log in "${failed_logs[@]}"; do
    printf 'failed: %s\n' "$log"
  done
  printf '%d skipped, %d s\n' "$skipped" "$SECONDS"
  printf '%d passed, %d failed\n' "$passed" "$failed"
  [ "$failed" -eq 0 ]
}
