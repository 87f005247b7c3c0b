#!/usr/bin/env bash
# tools/lint finds what it should in a tree made for it: lint_test.sh LINT
set -euo pipefail
lint=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

put() { # file, then its lines
  mkdir -p "$tree/$(dirname "$1")"
  printf '%s\n' "${@:2}" >"$tree/$1"
}

expect() { # exit code, then every line wanted on stdout
  local code=0 output
  output=$("$lint" --root "$tree" 2>/dev/null) || code=$?
  [[ $code == "$1" ]] || { echo "exit code $code instead of $1; output:"; echo "$output"; exit 1; }
  for line in "${@:2}"; do
    grep -qF -- "$line" <<<"$output" || { echo "missing: $line"; echo "in: $output"; exit 1; }
  done
}

put .clang-format 'DisableFormat: true'
put sim/lower/layer.cpp '#include "model/shape.hpp"' '#include "lower/layer.hpp"' '#include <vector>'
put sim/graph/task_graph.cpp '#include <boost/graph/compressed_sparse_row_graph.hpp>'
put sim/engine/executor.cpp '#include <simgrid/s4u.hpp>' '#include "graph/record.hpp"'
put tools/bench_main/bare.cpp '#include <simgrid/s4u.hpp>'
put tests/config/tree_test.cpp '#include <yaml-cpp/yaml.h>' '#include "fixtures/tiny.hpp"' '#include "tree_checker.hpp"'
put tests/fixtures/tiny.hpp '#pragma once' '#include "engine/reference.hpp"'
put tests/report/wide_test.cpp "// $(printf '%0100d' 0)"
expect 0

put sim/model/shape.cpp '' '#include "plan/plan.hpp"'
put sim/lower/other.cpp '#include <boost/graph/graph_traits.hpp>' '#  include "layer.hpp"'
put sim/metrics/mfu.cpp '#include <nlohmann/json.hpp>'
put tools/moesim/run.cpp '#include <simgrid/s4u.hpp>' '#include <yaml-cpp/yaml.h>'
put sim/extra/x.cpp '#include "base/check.hpp"'
put sim/base/open.hpp '// no guard'
put sim/base/wide.cpp "// $(printf '%098d' 0)" "// https://example.org/$(printf '%098d' 0)"
put sim/measured/rows.cpp 'bool fits = source == "arXiv:2411.00001";' '// arXiv:2411.00001 says so'
put tests/model/shape_test.cpp '#include "plan/plan.hpp"'
put tests/extra/x_test.cpp '#include "base/check.hpp"'
mkdir -p "$tree/tests/base"
seq -f '// %g' 500 >"$tree/tests/base/long.cpp"
expect 1 \
  'sim/model/shape.cpp:2: #include "plan/plan.hpp": model may not include plan (it may include: base)' \
  'sim/lower/other.cpp:1: #include "boost/graph/graph_traits.hpp": Boost.Graph may be included only in graph' \
  'sim/lower/other.cpp:2: #include "layer.hpp": write includes relative to sim/, such as "lower/layer.hpp"' \
  'sim/metrics/mfu.cpp:1: #include "nlohmann/json.hpp": JSON may be included only in batch, capacity, config, explain, foreign, measured, page, report, run, search, tests, tools, trace' \
  'tools/moesim/run.cpp:1: #include "simgrid/s4u.hpp": SimGrid may be included only in engine, tools/bench_main' \
  'tools/moesim/run.cpp:2: #include "yaml-cpp/yaml.h": yaml-cpp may be included only in config' \
  'sim/extra/x.cpp:1: #include "base/check.hpp": sim/extra is not a folder that the design knows' \
  'sim/base/open.hpp:1: a header without #pragma once' \
  'sim/base/wide.cpp:1: 101 columns, at most 100' \
  'sim/measured/rows.cpp:1: a string names "arXiv": that is data, not code' \
  'tests/model/shape_test.cpp:1: #include "plan/plan.hpp": model may not include plan (it may include: base; what its tests need beyond that belongs into tests/fixtures/)' \
  'tests/extra/x_test.cpp:1: #include "base/check.hpp": tests/extra is not a folder that the design knows' \
  'warning: tests/base/long.cpp: 501 lines; past 450 it is two ideas'

rm -r "$tree/sim" "$tree/tools" "$tree/tests"
put .clang-format 'BasedOnStyle: Google'
put sim/base/good.cpp 'int x = 1;'
expect 0
put sim/base/bad.cpp 'int  x=1;'
if "$lint" --root "$tree" 2>&1 | grep -q 'formatting not checked'; then
  echo "no clang-format 14: the check of formatting is not tested"
else
  expect 1 'sim/base/bad.cpp:1: code should be clang-formatted'
fi

rm -r "$tree/sim"
expect 1 # nothing found is not nothing wrong
