#!/usr/bin/env bash
# Launches that become scenarios, and scenarios that become launches: import_test.sh MOESIM SOURCE_DIR
set -euo pipefail
moesim=$1
launches=$2/tests/foreign/launches
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
cd "$box"

fail() {
  echo "FAILED: $*"
  for file in out err; do
    echo "--- $file"
    head -c 2000 "$file" 2>/dev/null || true
  done
  exit 1
}
# run CODE ARGUMENTS...: stdout to the file out, stderr to err
run() {
  local code=0
  "$moesim" "${@:2}" >out 2>err || code=$?
  [[ $code == "$1" ]] || fail "exit code $code instead of $1: moesim ${*:2}"
}
has() { grep -qF -- "$2" "$1" || fail "'$2' is not in $1"; }

# a launch, as it is, is simulated
run 0 import megatron "$launches/pretrain_92_arguments.sh" -o launch.yaml
has launch.yaml "# --num-layers"
has launch.yaml "# Without effect on the time of a step"
has err "arguments that shape the time of a step gave keys"
run 0 check launch.yaml --quiet
run 0 import megatron "$launches/pretrain_92_arguments.sh" --platform b200-hgx --set plan.ep=8
has out "# --platform"
has out "ep: 8 "

# what is missing or not known
run 2 import megatron none.sh
has err "none.sh: no such file"
run 2 import megatron "$launches/pretrain_92_arguments.sh" --var NNODES
has err "--var NNODES: expected NAME=VALUE"
run 2 import megatron "$launches/pretrain_92_arguments.sh" --platform no-such
has err "no-such"
echo 'torchrun --nproc_per_node 8 train.py --num-layers 2 --hidden-size $WIDTH --num-attention-heads 8 --seq-length 1024' >open.sh
run 2 import megatron open.sh
has err "open.sh:1:"
has err "--var WIDTH=VALUE"
run 0 import megatron open.sh --var WIDTH=1024 -- --bf16 --some-new-option 3
has err "--some-new-option 3"
run 2 import megatron open.sh --var WIDTH=1024 -o no/such/folder/x.yaml
has err "-o no/such/folder/x.yaml"

echo "all as it should be"
