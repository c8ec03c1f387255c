#!/usr/bin/env bash
# Measures the shipped jobs on made-up data; prints Markdown rows for docs/benchmarks.md.
# Usage: benches/run.sh target/release/safelight [FILES]
set -euo pipefail
bin=$(realpath "$1")
files=${2:-100000}
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export ARCHIVE=sample_data/archive

seconds() { # seconds COMMAND...: wall-clock seconds; exit codes 10 and 12 (some items failed) count as done
  local start end code
  start=$(date +%s.%N)
  "$@" >/dev/null 2>&1 || { code=$?; test $code -eq 10 || test $code -eq 12; }
  end=$(date +%s.%N)
  echo "$end $start" | awk '{printf "%.2f", $1 - $2}'
}

echo "| job | seconds |"
echo "|---|---|"
for pipeline in denoise upscale features nightly; do
  echo "| $pipeline, sample archive, first run | $(seconds "$bin" run "pipelines/$pipeline.yaml" --set "output=$work/$pipeline") |"
  echo "| $pipeline, second run, nothing to do | $(seconds "$bin" run "pipelines/$pipeline.yaml" --set "output=$work/$pipeline") |"
done

mkdir "$work/many"
for i in $(seq 0 $((files / 1000 - 1))); do
  mkdir "$work/many/$i"
  for j in $(seq 0 999); do
    # 1x1 PPM files, each a file of its own.
    printf 'P6 1 1 255\n%03d' "$j" > "$work/many/$i/$j.ppm"
  done
done
cat > "$work/many.yaml" <<YAML
version: 1
input: $work/many
output: $work/many-out
steps:
  - write
YAML
echo "| $files 1x1 files written, first run | $(seconds "$bin" run "$work/many.yaml" --progress quiet) |"
echo "| $files unchanged files, second run | $(seconds "$bin" run "$work/many.yaml" --progress quiet) |"
