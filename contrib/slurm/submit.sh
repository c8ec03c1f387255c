#!/bin/sh
# Submits a pipeline as shards, and the job that gathers them: submit.sh PIPELINE [SHARDS] [options of sbatch for the shards]
# The pipeline, its input, its output and its models have to be seen by all nodes under the same names.
set -eu
here=$(dirname "$0")
pipeline=${1:?usage: submit.sh PIPELINE [SHARDS] [options of sbatch]}
shards=${2:-16}
shift; [ $# -eq 0 ] || shift
array=$(sbatch --parsable --array="1-$shards" "$@" "$here/denoise.sbatch" "$pipeline")
array=${array%%;*} # without the cluster's name
# afterany: also after shards that failed; what is there is published, and what is missing is said.
gather=$(sbatch --parsable --dependency="afterany:$array" "$here/gather.sbatch" "$pipeline")
echo "shards: job $array, gather: job ${gather%%;*}; progress: safelight status $pipeline --shards"
