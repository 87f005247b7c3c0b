#!/usr/bin/env bash
# Launches and profiles of other programs, help and completion: import_test.sh MOESIM SOURCE_DIR
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

# a scenario as a launch, and back
cat >small.yaml <<'YAML'
workload: {layers: 4, hidden: 1024, vocab: 32000, heads: 16, kv_heads: 4, head_dim: 64, experts: 16, top_k: 2, moe_ffn: 512}
platform: {base: h100-sxm, gpus: 16}
plan: {ep: 8, pp: 2, dispatcher: deepep}
routing: {kind: zipf, exponent: 0.5}
batch: {global_batch: 32, micro_batch: 1, sequence_length: 1024}
YAML
run 0 export small.yaml --as megatron -o there.sh
bash -n there.sh || fail "the launch is no script"
has there.sh "--expert-model-parallel-size 8"
has there.sh "#moesim routing.kind=zipf"
run 0 import megatron there.sh -o back.yaml
"$moesim" run small.yaml --format csv --no-machine-facts | cut -d, -f2- >one.csv
"$moesim" run back.yaml --format csv --no-machine-facts | cut -d, -f2- >two.csv
cmp -s one.csv two.csv || fail "the scenario that comes back gives another step"
run 0 export small.yaml --as dot
has out "digraph"
has out "dispatch"
run 2 export small.yaml --as dot --block none
has err "--block none: no block is named so; there are "
run 2 export small.yaml --as megatron --block none
run 2 export small.yaml --as nothing
run 2 export small.yaml --as megatron -o no/such/folder/x.sh
has err "-o no/such/folder/x.sh"

# a profile beside a simulation: 10 ms of a step, of which GEMMs take 6
cat >profile.json <<'JSON'
{"traceEvents": [
  {"ph": "X", "cat": "gpu_user_annotation", "name": "ProfilerStep#3", "ts": 0, "dur": 10000},
  {"ph": "X", "cat": "kernel", "name": "nvjet_tst_128x256", "ts": 0, "dur": 6000, "args": {"device": 0}},
  {"ph": "X", "cat": "kernel", "name": "deep_ep::internode::dispatch", "ts": 5000, "dur": 3000, "args": {"device": 0}}]}
JSON
run 0 compare-profile profile.json small.yaml --format json
python3 - <<'PY' || fail "not the profile's sums, or not the step's"
import json
d = json.load(open("out"))
rows = {row["class"]: row for row in d["classes"]}
assert abs(rows["matrix products"]["measured_s"] - 6e-3) < 1e-9
assert abs(rows["exposed EP"]["measured_s"] - 2e-3) < 1e-9
assert abs(rows["no kernel runs"]["measured_s"] - 2e-3) < 1e-9
for side in "measured", "simulated":
    assert abs(sum(row[side + "_s"] for row in d["classes"]) - d[side + "_step_s"]) < 1e-9
differences = [abs(row["measured_s"] - row["simulated_s"]) for row in d["classes"]]
assert differences == sorted(differences, reverse=True)
PY
run 0 compare-profile profile.json small.yaml
has out "matrix products"
[[ $(wc -L <out) -le 80 ]] || fail "the comparison is wider than 80 columns"
run 2 compare-profile small.yaml small.yaml
has err "small.yaml: "
run 2 compare-profile none.json small.yaml
has err "none.json: no such file"

# manners: help of a command, one key of the schema, scenarios by name, completion
run 0 help run
has out "--trace"
run 2 help no-such
run 0 schema plan.ep
[[ $(cut -d' ' -f1 out | head -1) == plan.ep ]] || fail "not the row of plan.ep"
run 0 schema platform.device
has out "platform.device.sms"
run 2 schema ep
has err "plan.ep"
run 0 schema --json-schema
python3 -c "import json; assert json.load(open('out'))['properties']['plan']" || fail "no JSON Schema"
run 0 list scenarios
has out "qwen3-30b-a3b-h100x16"
run 0 check qwen3-30b-a3b-h100x16
has out "gpus: 16 "
run 2 check qwen3-30b-a3b-h100x61
has err "qwen3-30b-a3b-h100x16"
run 0 completion bash
cp out completion.bash
bash -c 'source completion.bash; COMP_WORDS=(moesim sea) COMP_CWORD=1; _moesim; [[ ${COMPREPLY[*]} == search ]]' ||
  fail "a command is not completed"
bash -c 'source completion.bash; COMP_WORDS=(moesim run --tra) COMP_CWORD=2; _moesim; [[ " ${COMPREPLY[*]} " == *" --trace "* ]]' ||
  fail "an option is not completed"

echo "all as it should be"
