#!/bin/sh
# Runs a pipeline as shards on the workers of a HyperQueue server, and gathers them: denoise.sh PIPELINE [SHARDS] [CPUS]
# HyperQueue repeats a task only when its worker is lost. One that was stopped (exit code 20) or killed otherwise is found
# by gather, which ends with 20, and is submitted again here: shards that are done cost nothing then.
set -u
pipeline=${1:?usage: denoise.sh PIPELINE [SHARDS] [CPUS]}
shards=${2:-16}
cpus=${3:-8}
for try in 1 2 3; do
  # `auto/16`: HyperQueue tells a task its number, not how many there are.
  hq submit --name safelight --array "1-$shards" --cpus "$cpus" --wait -- \
    safelight run "$pipeline" --shard "auto/$shards" --set limits.threads="$cpus" --exit-zero-on-item-failures --progress lines
  # --wait: a shard that was cut off counts as alive for a minute.
  safelight gather "$pipeline" --wait
  code=$?
  [ "$code" -eq 20 ] || break
done
exit "$code"
