#!/usr/bin/env bash
# Pages of results, from the program to the browser: report_test.sh MOESIM ROOT [FOLDER for screenshots]. The part in
# Chromium is left out, with its reason, where Chromium, Node or its packages are missing.
set -euo pipefail
moesim=$1 root=$2 shots=${3:-}
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
cd "$box"
fail() { echo "FAILED: $*"; head -c 2000 err 2>/dev/null || true; exit 1; }
run() {
  local code=0
  "$moesim" "${@:2}" >out 2>err || code=$?
  [[ $code == "$1" ]] || fail "exit code $code instead of $1: moesim ${*:2}"
}
has() { grep -qF -- "$2" "$1" || fail "'$2' is not in $1"; }

cat >small.yaml <<'YAML'
workload: {layers: 4, hidden: 1024, vocab: 32000, heads: 16, kv_heads: 4, head_dim: 64, experts: 16, top_k: 2, moe_ffn: 512}
platform: {base: h100-sxm, gpus: 16}
plan: {ep: 8, pp: 2}
routing: {kind: zipf, exponent: 0.5}
batch: {global_batch: 32, micro_batch: 1, sequence_length: 1024}
YAML
cat >study.yaml <<'YAML'
base: small.yaml
grid: {platform.gpus: [16, 32], plan.ep: [4, 8, 12], batch.micro_batch: [1, 2]}
YAML

# one run with all that belongs to it, found by name
run 0 run small.yaml --format json --trace run.trace.json
cp out run.json
run 0 explain small.yaml --format json
cp out run.explain.json
run 0 report run.json -o run.html --scenario small.yaml
has run.html '"timeline":{'
has run.html '"explanation":{'
has run.html 'small.yaml:2'
has run.html 'small.yaml, as this run read it.'
cp run.html before.html
run 0 report run.json -o run.html --scenario small.yaml
cmp -s run.html before.html || fail "two equal reports differ"
run 0 report run.json -o run.html --scenario small.yaml --set plan.ep=4
has run.html 'has changed since this run'
cp before.html run.html

# a folder of runs, of which some fail; other files in it are left out
run 1 sweep study.yaml --out study
echo '{"other": 1}' >study/other.json
run 0 report study -o study.html
has study.html '"study":true'
has err 'of 12 results'
[[ $(stat -c %s study.html) -lt 10000000 ]] || fail "the page is too large"

# a stored run says where its values came from
run 0 run small.yaml --out one
run 0 report one -o one.html
has one.html 'small.yaml, as this run read it.'

# bad input
run 2 report run.json
run 2 report run.json -o no/such/folder.html
has err 'there is no folder "no/such"'
run 2 report missing.json -o x.html
has err 'missing.json: cannot be read'
run 2 report small.yaml -o x.html
has err 'small: is no result: expected the JSON of run, search, explain or capacity'
mkdir empty
run 2 report empty -o x.html
has err 'empty: no results (*.json of run, sweep or search)'
run 2 report run.json -o x.html --trace run.json
has err 'run.json: is no timeline: expected the JSON of run --trace'
run 2 report run.json -o x.html --explain run.json
has err 'run.json: is not the JSON of moesim explain'
run 2 report study -o x.html --trace run.trace.json
has err '--trace, --explain and --scenario are for one run'

# a picture of the folder's runs: a line per microbatch, dotted the ideal
run 0 plot study --x num_gpus --y tokens_per_s --by micro_batch -o scaling.svg
has scaling.svg 'micro_batch 2'
has scaling.svg 'dotted: ideal'
has scaling.svg '<title>gpus=32,ep='
run 2 plot study --x ep --y tokens_per_s -o x.svg --by no_such_key
has err '--by no_such_key: no run has it'
run 2 plot study --x name -o x.svg
has err '--x name: is '
run 2 plot empty -o x.svg
has err 'empty: no run in it is done (*.json of run or sweep)'

# the committed page is what the build makes, and works in a browser
node=$(command -v node || true)
[[ -n $node && -d $root/tools/report/node_modules/esbuild ]] || { echo "browser skipped: no Node, or no npm ci in tools/report"; exit 0; }
"$node" "$root/tools/report/build.mjs" built.html
cmp built.html "$root/sim/page/page.html" || fail "sim/page/page.html is not what tools/report/build.mjs makes"
code=0
"$node" "$root/tools/report/test.mjs" run.html study.html ${shots:+"$shots"} || code=$?
[[ $code == 0 || $code == 77 ]] || fail "the page in a browser"
