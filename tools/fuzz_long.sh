#!/usr/bin/env bash
# Fuzzes every target for MINUTES, then states how many inputs ran and how many lines of the source
# files they are aimed at were reached. usage: tools/fuzz_long.sh MINUTES
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The files each target is aimed at.
declare -A parsers=(
  [adapter]='src/checkpoint/lora|src/model/adapter'
  [convert]='src/model/convert/|src/checkpoint/(write_|carried)|src/app/convert_check'
  [gguf]='src/checkpoint/gguf'
  [quantization]='src/model/(quantization|bind/packed)|src/quant/packed'
  [safetensors]='src/checkpoint/(safetensors|tensor_index)'
  [config]='src/checkpoint/config|src/model/(families|names|bind)'
  [tokenizer]='src/text/[^/]*\.(cc|h)'
  [jinja]='src/text/jinja/'
)

main() {
  local minutes=${1:?usage: tools/fuzz_long.sh MINUTES} name
  cmake --preset dev >/dev/null
  cmake --build --preset dev --target fuzz_targets --parallel "$(nproc)" >/dev/null
  scripts/fuzz.sh $((minutes * 60)) || true
  # Coverage slows a fuzzer down, so the inputs found above are replayed once in a build that counts.
  cmake --preset coverage >/dev/null
  cmake --build --preset coverage --target fuzz_targets --parallel "$(nproc)" >/dev/null
  for program in build/coverage/*_fuzz; do
    name=$(basename "$program" _fuzz)
    LLVM_PROFILE_FILE=build/coverage/$name.profraw "$program" -runs=0 "build/corpus/$name" \
      "tests/fuzz/corpus/$name" >/dev/null 2>&1
    llvm-profdata-19 merge -sparse "build/coverage/$name.profraw" -o "build/coverage/$name.profdata"
    llvm-cov-19 export "$program" -instr-profile="build/coverage/$name.profdata" -summary-only |
      /usr/bin/python3 tools/coverage_lines.py "$name" "${parsers[$name]:-src/}"
  done
}

main "$@"
