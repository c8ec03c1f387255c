#!/bin/sh
# Runs a pipeline as shards on the machines of a file (one `user@host` a line, reached by ssh without a password), one shard
# at a time on each, and gathers them: denoise.sh PIPELINE HOSTS [SHARDS]
# Take more shards than machines: the faster ones then do more.
set -u
pipeline=${1:?usage: denoise.sh PIPELINE HOSTS [SHARDS]}
hosts=${2:?usage: denoise.sh PIPELINE HOSTS [SHARDS]}
shards=${3:-16}
# --wd .: in this folder there too; --retries: on another machine where one fails.
seq "$shards" | parallel --sshloginfile "$hosts" --jobs 1 --wd . --retries 3 --joblog shards.log \
  safelight run "$pipeline" --shard "{}/$shards" --exit-zero-on-item-failures --progress quiet
safelight gather "$pipeline" --wait
