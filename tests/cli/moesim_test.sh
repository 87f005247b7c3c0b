#!/usr/bin/env bash
# The program as scripts use it: exit codes, what goes to stdout and stderr, files left behind: moesim_test.sh MOESIM
set -euo pipefail
moesim=$1
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
narrow() { [[ $(wc -L <out) -le 80 ]] || fail "$1 is wider than 80 columns"; }
# Nothing on stderr but the progress of a slow machine.
quiet_stderr() { ! grep -qv '^info: simulating' err || fail "stderr is not empty"; }
has() { grep -qF -- "$2" "$1" || fail "'$2' is not in $1"; }
json() { # python expression on the object d in file out
  python3 -c "import json, sys; d = json.load(open('out')); sys.exit(not ($1))" || fail "not true of the JSON: $1"
}

cat >small.yaml <<'YAML'
title: a small step
workload: {layers: 4, hidden: 1024, vocab: 32000, heads: 16, kv_heads: 4, head_dim: 64, experts: 16, top_k: 2, moe_ffn: 512}
platform: {base: h100-sxm, gpus: 16}
plan: {ep: 8, pp: 2}
routing: {kind: zipf, exponent: 0.5}
batch: {global_batch: 32, micro_batch: 1, sequence_length: 1024}
YAML

# help, version, usage
run 0 --help
has out "Usage"
for command in run sweep report plot explain check schema collective compare compare-profile import export completion list show validate calibrate search capacity versus results merge; do
  run 0 "$command" --help
  has out "$command"
done
run 0 --version
run 2
has err "commands: run, sweep"
run 2 no-such-command
has err '"no-such-command" is no command'
has err "commands: run, sweep"
run 2 valdate steps.csv
has err '"valdate" is no command (did you mean "validate"?)'
run 2 run
run 2 run small.yaml --no-such-option
run 2 run small.yaml --format prose

# what goes to stderr: with -v what the program does, with -q errors alone; stdout stays the same
run 0 run small.yaml -v --format json --no-machine-facts
cp out verbose.out
has err "debug: small.yaml: "
run 0 --log-level debug run small.yaml --no-machine-facts
has err "debug: simulated in"
run 0 -q run small.yaml --format json --no-machine-facts
cmp -s out verbose.out || fail "-v and -q print different results"
[[ ! -s err ]] || fail "stderr is not empty with -q"
run 2 run small.yaml -q -v
run 2 run small.yaml --log-level loud
run 2 run none.yaml -q
has err "none.yaml: no such file"

# run: a table on stdout, nothing on stderr
run 0 run small.yaml
has out "step time"
has out "lower bound"
quiet_stderr
[[ $(wc -L <out) -le 80 ]] || fail "the table is wider than 80 columns"

# JSON, twice the same bytes; another seed gives another step
run 0 run small.yaml --format json --no-machine-facts
cp out first.json
json "d['devices'] == 16 and d['step_time_s'] > 0 and d['seed'] == 1"
json "abs(sum(d['breakdown_s'].values()) - d['step_time_s']) < 1e-9 * d['step_time_s']"
json "all(k in d for k in '''scenario moesim_version simgrid_version seed fidelity devices step_time_s tokens_per_step
  tokens_per_s tokens_per_s_per_device model_flops_per_step tflops_per_device mfu breakdown_s memory overload_factor
  lower_bound_s critical_path resources simulation'''.split())"
json "all(k in d['simulation'] for k in 'wall_s tasks flows peak_rss_bytes folded'.split())"
run 0 run small.yaml --format json --no-machine-facts
cmp -s out first.json || fail "two equal runs print different bytes"
run 0 run small.yaml --format json --no-machine-facts --seed 2
cmp -s out first.json && fail "another seed prints the same bytes"
run 0 run small.yaml --format csv
[[ $(wc -l <out) -ge 2 ]] || fail "no CSV"

# --set
run 0 run small.yaml --format json --set batch.global_batch=64 --set workload.top_k=4
json "d['tokens_per_step'] == 64 * 1024"

# bad input: every problem at once, each with its place
sed -e 's/hidden: 1024/hidden: wide/' -e 's/ep: 8/epp: 8/' small.yaml >bad.yaml
run 2 run bad.yaml
has err "bad.yaml:2:"
has err "bad.yaml:4:"
has err "workload.hidden"
has err "epp"
[[ ! -s out ]] || fail "stdout is not empty"
run 2 check bad.yaml
run 2 run missing.yaml
has err "missing.yaml"
run 2 run small.yaml --set plan.ep=3
has err "plan.ep"
printf 'a: [1,' >broken.yaml
run 2 run broken.yaml
has err "broken.yaml:"

# too large for the memory: said, and an exit code with --strict only
big="--set workload.layers=8 --set workload.hidden=16384 --set workload.moe_ffn=65536 --set plan.ep=1 --set batch.sequence_length=8192"
run 0 run small.yaml $big
has out "OUT OF MEMORY"
run 3 run small.yaml $big --strict
run 0 run small.yaml --strict

# check: its output is a scenario that gives the same step
run 0 check small.yaml
has out "default"
narrow "the resolved scenario"
cp out checked.yaml
run 0 run checked.yaml --format json --no-machine-facts
python3 - <<'PY' || fail "the output of check gives another step"
import json
a, b = json.load(open("first.json")), json.load(open("out"))
raise SystemExit(a["step_time_s"] != b["step_time_s"] or a["memory"] != b["memory"])
PY
run 0 schema
has out "global_batch"
narrow "the schema"
run 0 list
has out "deepseek-v3"
has out "h100-sxm"
has out "megatron-core"
run 0 list frameworks
has out "Megatron-Core"

# framework profiles: shown with their sources, as JSON too; a release without its own says which stands in
run 0 show framework megatron-core
has out "plan.grouped_gemm: per_expert"
has out "stated: "
narrow "a framework's rules"
run 0 show framework megatron-core --format json
json "d['bases'] == ['default'] and all(r['source'] and r['set'] for r in d['rules'])"
run 0 show framework default --format json
json "d['rules'][0]['set'] == {'platform.device.host_launch_s': 14e-6}"
# models: parameters and FLOPs by layer; a config of an unknown model_type is refused, unless likened to a known one
run 0 show workload mixtral-8x7b
grep -q "mixtral-8x7b: 46.7B parameters, 12.88B active, 79.71 GFLOP per token at 4096" out || fail "a model's figures are not shown"
run 0 show workload deepseek-v3 --format json --sequence-length 8192
python3 - <<'PY' || fail "the JSON of show workload does not add up"
import json
model = json.load(open("out"))
layers = [layer for layer in model["layers"] if not layer["multi_token_prediction"]]
assert len(layers) == 61 and model["sequence_length"] == 8192
inside = sum(layer["parameters_total"] for layer in layers)
assert abs(inside + 2 * model["parameters_embedding"] + 7168 - model["parameters_total"]) < 1
assert model["parameters_active"] < model["parameters_total"] and model["flops_per_token"] > 6 * 3.5e10
PY
cat > config.json <<'JSON'
{"model_type": "x_moe", "hidden_size": 2048, "num_hidden_layers": 4, "num_attention_heads": 16, "num_key_value_heads": 4,
 "head_dim": 128, "vocab_size": 32000, "num_experts": 64, "num_experts_per_tok": 8, "moe_intermediate_size": 768}
JSON
run 2 show workload config.json
grep -q 'model_type "x_moe" is not known' err || fail "an unknown model_type is not named"
run 0 show workload config.json --assume like=qwen3_moe
run 0 check small.yaml --set workload=config.json --assume like=qwen3_moe --set plan.ep=4
grep -q "^# .*B parameters, .*B active" out || fail "check does not say how large the model is"
run 2 run config.json
grep -q "is a HuggingFace config, not a scenario" err || fail "a config in place of a scenario is not answered"

run 2 show framework megatron-cor
has err "did you mean \"megatron-core\"?"
run 0 check small.yaml --set plan.framework=megatron-core-0.01
has out "# framework megatron-core-0.01 has no profile of its own"
has out "megatron-core.yaml:"
run 0 run small.yaml --set plan.framework=megatron-core-0.01
has err "megatron-core stands in"

# timeline: whole JSON; gzip by name; ranks that are not simulated are an error before any work
run 0 run small.yaml --trace step.json
python3 -c "import json; d = json.load(open('step.json')); assert len(d['traceEvents']) > 100" || fail "no timeline"
# in doubles, as viewers add them, no slice reaches the next one; arrows and counters are in the default level
python3 - <<'PYTHON' || fail "slices of a track overlap, or arrows or counters are missing"
import json
ends, kinds = {}, set()
for e in json.load(open("step.json"))["traceEvents"]:
    kinds.add(e["ph"])
    if e["ph"] == "X":
        assert ends.get(e["tid"], -1) < e["ts"], e
        ends[e["tid"]] = e["ts"] + e["dur"]
assert kinds == {"M", "X", "s", "f", "C"}, kinds
PYTHON
run 0 run small.yaml --trace step.json.gz --trace-level flow --trace-ranks all
python3 -c "import gzip, json; assert json.load(gzip.open('step.json.gz'))['traceEvents']" || fail "no gzip timeline"
cp step.json before.json
run 0 run small.yaml --trace step.json
cmp -s step.json before.json || fail "two equal runs draw different timelines"
run 2 run small.yaml --trace step.json --trace-ranks 99
has err "rank 99"

# outputs that cannot be written: an error before any work
run 2 run small.yaml --trace no/such/folder/step.json
has err '--trace no/such/folder/step.json: there is no folder "no/such/folder"'
[[ ! -s out ]] || fail "simulated before the timeline was refused"
mkdir -p a_folder
run 2 run small.yaml --trace a_folder
has err "--trace a_folder: is a folder: expected the name of a file"
run 2 run small.yaml --trace small.yaml/step.json
has err '"small.yaml" is no folder'
for command in "run small.yaml" "run small.yaml small.yaml" "explain small.yaml"; do
  run 2 $command --out small.yaml/deep/results
  has err '--out small.yaml/deep/results: "small.yaml" is no folder'
done

# collective
run 0 collective all-to-all --platform ideal-pod-450-50 --gpus 16 --bytes 64MB --form port_balanced --format json
json "abs(d['time_s'] - 640e-6) < 1e-9 and abs(d['lower_bound_s'] - 640e-6) < 1e-9"
json "all(k in d for k in 'time_s lower_bound_s flows bandwidth_bytes_per_s simulation'.split())"
json "d['simulation']['wall_s'] >= 0 and d['simulation']['peak_rss_bytes'] > 0"
for collective in all-reduce reduce-scatter all-gather broadcast send; do
  run 0 collective $collective --platform h100-sxm --gpus 16 --bytes 1GB --format json
  json "d['time_s'] >= d['lower_bound_s'] > 0"
done
run 0 collective all-reduce --platform h100-sxm --gpus 8 --bytes 1GB
has out "bandwidth"
run 2 collective all-to-some --platform h100-sxm --gpus 8 --bytes 1GB
run 2 collective all-reduce --platform nowhere --gpus 8 --bytes 1GB
run 2 collective all-reduce --platform h100-sxm --gpus 8 --bytes 1furlong
run 2 collective all-reduce --platform h100-sxm --gpus 0 --bytes 1GB

# compare
cp first.json a.json
run 0 run small.yaml --format json --set batch.global_batch=64
cp out b.json
run 0 compare a.json b.json
has out "step"
has out "  batch.global_batch "
run 0 run small.yaml --format json --set batch.global_batch=32 --set plan.ep=4
cp out c.json
run 0 compare a.json b.json c.json
has out "  plan.ep  "
json_file() { python3 -c "import json, sys; d = json.load(open('$1')); sys.exit(not ($2))" || fail "not true of $1: $2"; }
json_file c.json "d['plan']['ep'] == 4 and d['batch']['global_batch'] == 32 and d['platform']['gpus'] == 16"
json_file c.json "d['model']['parameters_total'] > d['model']['parameters_active'] > 0"
json_file c.json "abs(d['model']['flops_per_token'] * d['tokens_per_step'] / d['model_flops_per_step'] - 1) < 1e-12"
run 4 compare a.json a.json c.json --threshold 0.5
run 2 compare a.json
run 0 schema --report
has out "| \`step_time_s\` | seconds |"
run 4 compare a.json b.json --threshold 5
run 0 compare a.json a.json --threshold 0
run 2 compare a.json nothing.json
run 2 compare a.json small.yaml

# a batch: one JSON each, a table, and a rerun that simulates nothing again
cp small.yaml other.yaml
sed -i 's/ep: 8/ep: 4/' other.yaml
run 0 run small.yaml other.yaml --jobs 2 --out both
[[ -s both/small.json && -s both/other.json ]] || fail "no JSON per run"
[[ $(wc -l <both/results.csv) == 3 ]] || fail "results.csv has not two rows"
stamp=$(stat -c %Y.%i both/small.json)
run 0 run small.yaml other.yaml --jobs 2 --out both
has out "2 of these from an earlier batch"
[[ $(stat -c %Y.%i both/small.json) == "$stamp" ]] || fail "a finished run was written again"

# one bad run stops no other, and fails the batch
run 1 run small.yaml bad.yaml --out mixed
has out "1 done"
has out "1 failed"
narrow "the table of a batch"
[[ -s mixed/small.json ]] || fail "the good run has no result"

# what is wrong for the whole batch is an error before any of it runs: files that cannot be read, overrides that fit none
run 2 run small.yaml missing.yaml other.yaml gone.yaml --out never
has err "missing.yaml: no such file"
has err "gone.yaml: no such file"
run 2 run small.yaml other.yaml --set plan.nope=1 --out never
has err "--set plan.nope=1: plan.nope: is not a known key"
[[ $(wc -l <err) == 1 && ! -s out && ! -e never ]] || fail "not one error before anything runs"

# a study: a grid; interrupted in the middle, it goes on where it was
cat >study.yaml <<'YAML'
title: sizes
base: small.yaml
grid:
  batch.global_batch: [32, 64]
  plan.ep: [4, 8]
YAML
run 0 sweep study.yaml --out sizes --jobs 2
has out "4 done"
narrow "the table of a study"
[[ $(wc -l <sizes/results.csv) == 5 ]] || fail "results.csv has not four rows"
rm "sizes/$(ls sizes | grep json | head -1)"
run 0 sweep study.yaml --out sizes
has out "3 of these from an earlier batch"
[[ $(wc -l <sizes/results.csv) == 5 ]] || fail "results.csv has not four rows after the rerun"
for set in plan.nope=1 batch.micro_batch=many; do
  run 2 sweep study.yaml --set $set --out never
  has err "--set $set: ${set%=*}: "
  [[ $(wc -l <err) == 1 && ! -s out && ! -e never ]] || fail "not one error before anything runs"
done
run 2 sweep study.yaml --out small.yaml/sizes
run 0 sweep study.yaml --out sizes
has out "Fastest first, against the base"
has out "best: "
narrow "the ranking of a study"
# shards that are merged are the study in one; results asks the folder
for i in 1 2; do run 0 sweep study.yaml --shard $i/2 --out shard$i; done
run 0 merge shard1 shard2 -o merged
has out "4 runs merged"
cmp -s sizes/order.txt merged/order.txt || fail "another order"
python3 - >out <<'PY' || fail "merged shards differ"
import csv, sys
a, b = ([{k: v for k, v in row.items() if k != "wall_s"} for row in csv.DictReader(open(f + "/results.csv"))]
        for f in ("sizes", "merged"))
sys.exit(a != b or len(a) != 4)
PY
run 1 merge shard1 -o half
has err "2 runs of the study are in none of the folders"
run 0 results merged --where 'fits and mfu > 0' --sort tokens_per_s --columns name,tokens_per_s --format json
json "len(d) == 4 and all(a['tokens_per_s'] >= b['tokens_per_s'] for a, b in zip(d, d[1:]))"
run 2 results merged --where 'mfuu > 0'
has err 'did you mean "mfu"?'
# settings that do not fit together are skipped, with the reason; if none does, it is an error
sed -e '/^grid/,$d' study.yaml >some.yaml
printf 'grid:\n  plan.ep: [3, 8]\n' >>some.yaml
run 0 sweep some.yaml --out some
has out "1 skipped"
has out "plan.ep: "
sed -i 's/\[3, 8\]/[3, 5]/' some.yaml
run 2 sweep some.yaml --out none
has err "no run of the study has settings that fit together"
run 2 run study.yaml --out never
has err "study.yaml: is a study, not a scenario: moesim sweep study.yaml"
run 2 sweep small.yaml
has err "is a scenario, not a study: moesim run small.yaml"

# versus: machines side by side
cat >versus.yaml <<'YAML'
title: two mappings
base: small.yaml
list:
  - {name: EP8, plan.pp: 1}
  - {name: a wafer, platform: cs3, plan.ep: 1, plan.pp: 1}
grid: {workload.top_k: [2, 4]}
YAML
run 0 versus versus.yaml --picture versus.svg
narrow "the table of versus"
has out "crossover by power: a wafer against EP8"
run 2 versus versus.yaml --set plan.ep=many
has err 'plan.ep: expected an integer, got "many"'

# capacity: what a training takes on machines
cat >capacity.yaml <<'YAML'
workload: {layers: 4, hidden: 1024, vocab: 32000, heads: 16, kv_heads: 4, head_dim: 64, experts: 16, top_k: 2, moe_ffn: 512}
batch: {global_batch: 64, sequence_length: 1024}
tokens: 1e10
machines:
  - {platform: h100-sxm, counts: [8, 16], price_per_device_hour: 2}
search: {free: "tp,ep", time_s: 20}
YAML
run 0 capacity capacity.yaml --out planned --jobs 2
narrow "the table of capacity"
has out "cheapest:"
run 0 capacity capacity.yaml --out planned --format json
has err "2 of 2 rows come from planned"
json "[r['devices'] for r in d['rows']] == [8, 16] and all(r['cost'] > 0 for r in d['rows'])"
sed -i 's/counts/count/' capacity.yaml
run 2 capacity capacity.yaml
has err "capacity.yaml:5:26: machines[0].count: is not a known key"

sed -i 's/plan.ep/plan.epp/' study.yaml
run 1 sweep study.yaml --out wrong
has out "4 failed"
narrow "the table of a study"

# a setting without effect
run 2 run small.yaml --set routing.concentration=0.3
has err "routing.concentration: has no effect without kind: dirichlet"
run 0 run small.yaml --set routing.kind=balanced

# faults, several seeds, goodput
run 0 run small.yaml --format json --no-machine-facts --set 'faults.devices=[{node: 0, gpu: 3, speed: 0.5}]'
json "d['faults'] == 'node 0 gpu 3 at 50 %' and d['step_time_s'] > 1.1 * json.load(open('first.json'))['step_time_s']"
run 0 run small.yaml --set 'faults.links=[{rank: 3, nic: 0}]'
has out "NIC of rank 3 dead"
run 2 run small.yaml --set 'faults.links=[{node: 0, nic: 0}]'
has err "no NIC of node 0 works"
run 2 run small.yaml --set 'faults.devices=[{rank: 16}]'
has err "faults.devices[0].rank: ranks are 0 to 15"
run 0 run small.yaml --runs 5 --set faults.kernel_jitter=0.05 --format json --no-machine-facts --jobs 2
json "d['runs']['count'] == 5 and len(d['runs']['samples_s']) == 5 and d['step_time_s'] == d['runs']['step_time_s']['p50']"
json "d['runs']['step_time_s']['ci95_low'] < d['runs']['step_time_s']['mean'] < d['runs']['step_time_s']['ci95_high']"
cp out runs.json
run 0 run small.yaml --set runs=5 --set faults.kernel_jitter=0.05 --format json --no-machine-facts
cmp -s out runs.json || fail "the same seeds print different bytes"
run 0 run small.yaml --runs 5 --set faults.kernel_jitter=0.05
has out "Step time over seeds"
[[ $(wc -L <out) -le 80 ]] || fail "the table of several seeds is wider than 80 columns"
run 2 run small.yaml --runs 5 --trace step.json
run 2 run small.yaml --runs 0
run 0 run small.yaml --set 'goodput={device_mtbf_s: 50000 h, checkpoint_write_s: 60 s, restart_s: 10 min}' --format json
json "0.9 < d['goodput']['goodput'] < 1 and abs(d['goodput']['goodput'] - d['goodput']['formula_goodput']) < 0.01"
run 0 run small.yaml --set goodput.device_mtbf_s=50000h --set goodput.checkpoint_write_s=60
has out "Young/Daly"
[[ $(wc -L <out) -le 80 ]] || fail "the table with goodput is wider than 80 columns"

# recorded counts from a file: every problem with line and column
printf 'layer,step,expert,tokens\n0,0,1,5\n0,0,99,x\n' >counts.csv
sed 's/routing:.*/routing: {kind: recorded, recorded_file: counts.csv}/' small.yaml >recorded.yaml
run 2 run recorded.yaml
has err "counts.csv:3:5: routing.recorded_file: expert: expected 0 to 15, got 99"
has err "counts.csv:3:8: routing.recorded_file: tokens: expected a number, got"
printf 'layer,step,expert,tokens\n0,0,1,5\n0,0,2,9\n' >counts.csv
run 0 run recorded.yaml

# explain: a table and JSON whose attribution sums up; interrupted, it goes on where it was
run 0 explain small.yaml --jobs 2
for part in "Critical path by layer" "What if" "The math" "From the math to the simulation"; do has out "$part"; done
[[ $(wc -L <out) -le 80 ]] || fail "the explanation is wider than 80 columns"
run 0 explain small.yaml --format json --out why --jobs 2
json "abs(d['math']['sum_s'] + sum(a['seconds'] for a in d['attribution']) - d['step_time_s']) < 1e-12"
json "d['step_time_s'] == json.load(open('first.json'))['step_time_s']"
json "len(d['sensitivities']) > 6 and all(k in d for k in ('critical_path', 'not_varied', 'lower_bound_s'))"
cp out why.json
rm why/FLOPS+.json
run 0 explain small.yaml --format json --out why
cmp -s out why.json || fail "an explanation that goes on prints different bytes"
run 2 explain bad.yaml
has err "bad.yaml:2:"
run 2 explain small.yaml --change 90
run 2 explain

# Ctrl-C keeps what is done
for i in 1 2 3 4 5 6 7 8; do sed "s/global_batch: 32/global_batch: $((i * 1600))/" small.yaml >"long$i.yaml"; done
# A shell lets background jobs ignore SIGINT; python starts one that does not.
python3 - "$moesim" <<'PY' || fail "Ctrl-C does not end a batch with exit code 130"
import glob, signal, subprocess, sys, time
files = sorted(glob.glob("long*.yaml"))
batch = subprocess.Popen([sys.argv[1], "run", *files, "--out", "cut"], stdout=subprocess.DEVNULL)
deadline = time.time() + 60
while not glob.glob("cut/long*.json") and batch.poll() is None and time.time() < deadline:
    time.sleep(0.01)
batch.send_signal(signal.SIGINT)
code = batch.wait(30)
raise SystemExit(code != 130 or not glob.glob("cut/long1.json") or len(glob.glob("cut/*.json")) == len(files))
PY
python3 - "$moesim" <<'PY' || fail "Ctrl-C does not end an explanation with exit code 130"
import glob, signal, subprocess, sys, time
run = subprocess.Popen([sys.argv[1], "explain", "long8.yaml", "--out", "cut_why"], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
deadline = time.time() + 60
while not glob.glob("cut_why/*.json") and run.poll() is None and time.time() < deadline:
    time.sleep(0.01)
run.send_signal(signal.SIGINT)
raise SystemExit(run.wait(30) != 130 or not glob.glob("cut_why/*.json"))
PY

# a wafer system: the same commands
cat >wafer.yaml <<'YAML'
workload: {layers: 4, hidden: 1024, vocab: 32000, heads: 16, kv_heads: 4, head_dim: 64, experts: 16, top_k: 2, moe_ffn: 512}
platform: {base: cs2, systems: 2}
plan: {recompute: full}
batch: {global_batch: 32, micro_batch: 4, sequence_length: 1024}
YAML
run 0 run wafer.yaml
has out "2 wafers"
has out "exposed stream"
has out "MemoryX"
quiet_stderr
[[ $(wc -L <out) -le 80 ]] || fail "the table is wider than 80 columns"
run 0 run wafer.yaml --format json --trace wafer.json
json "abs(sum(d['breakdown_s'].values()) - d['step_time_s']) < 1e-9 and d['breakdown_s']['exposed_stream'] > 0"
json "[m['name'] for m in d['memory']] == ['SRAM', 'MemoryX'] and d['devices'] == 2"
for track in '"wafer 0"' '"SwarmX"' '"MemoryX"' '"weight stream in"' '"gradient stream out"' '"optimizer"'; do has wafer.json "$track"; done
cp out one.json
run 0 run small.yaml --format json
cp out pod.json
run 0 compare pod.json one.json
run 2 run wafer.yaml --trace wafer.json --trace-ranks 1
has err "rank 1 is not simulated"
run 3 run wafer.yaml --strict --set plan.attention_batch=16 --set platform.wafer.sram_bytes="4 GB"
has out "too large"
run 0 run wafer.yaml --set plan.attention_batch=max --set plan.attention_tiles=auto
run 2 run wafer.yaml --set platform.systems=3
has err "not divisible by 3 systems"

# a table of measured steps
cat >steps.csv <<'CSV'
source,model,gpu,num_gpus,precision,seq_len,gbs,mbs,tp,pp,ep,tokens_per_s_per_gpu
made up,qwen3-30b-a3b,h100-sxm,16,bf16,4096,16,1,1,1,16,1000
CSV
run 0 validate steps.csv --format json
json "d['summary']['predicted_rows'] == 1 and d['rows'][0]['measured'] == 1000 and d['rows'][0]['predicted'] > 0"
run 0 validate steps.csv
narrow "the table of predictions"
[[ $(grep -ci nan out) == 0 ]] || fail "nan in the table of one prediction"
run 1 validate steps.csv --set plan.ep=5
has out "ep x etp x pp = 5 x 1 x 1 = 5 does not"
has err "none of the 1 rows can be predicted"
narrow "the list of reasons"
[[ $(grep -ci nan out) == 0 ]] || fail "nan where no row can be predicted"
for option in --out --scenarios --report; do
  run 2 validate steps.csv $option steps.csv/x
  has err "$option steps.csv/x: "
done
printf 'device,precision,class,m,n,k,microseconds,fitted,source\n' >kernels.csv
run 2 calibrate --gemm kernels.csv --out no/such/folder/x.yaml
has err "--out no/such/folder/x.yaml: "
run 1 validate steps.csv --format json --set plan.ep=5  # no row could run
json "d['summary']['not_run_rows'] == 1 and 'does not divide' in d['rows'][0]['reason']"
run 2 validate steps.csv --set plan.no_such_key=1
has err "is not a known key"
run 2 validate steps.csv --where gpu=none
has err "no row has gpu=none"

echo "all as it should be"
