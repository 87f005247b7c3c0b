#!/usr/bin/env bash
# tools/setup against made-up package managers: setup_test.sh SETUP. Installs nothing.
set -euo pipefail
setup=$1
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT

# A world of programs: the few that setup itself needs, and stubs for what it looks for.
for program in bash env printf sort head sed; do ln -s "$(command -v $program)" "$box/$program"; done
stub() { # name, body
  printf '#!%s\n%s\n' "$(command -v bash)" "$2" >"$box/$1"
  chmod +x "$box/$1"
}
stub cmake 'echo "cmake version 3.25.1"'
stub g++ 'echo 12.2.0'
for program in ninja pkg-config ccache python3 clang-format; do stub $program :; done
stub apt-get 'echo "$*" >>"'"$box"'/apt-log"'
stub sudo 'exec "$@"'
stub dpkg-query 'echo "install ok installed"'

fail() { echo "$*"; cat "$box/output"; exit 1; }
run() { # exit code wanted
  local code=0
  rm -f "$box/apt-log"
  PATH=$box "$box/bash" "$setup" >"$box/output" 2>&1 || code=$?
  [[ $code == "$1" ]] || fail "exit code $code instead of $1"
}
said() { grep -qF -- "$1" "$box/output" || fail "did not say: $1"; }

run 0
[[ ! -s $box/output && ! -e $box/apt-log ]] || fail "had nothing to do, but did or said something"

rm "$box/ninja"
stub dpkg-query '[[ ${@: -1} == libsimgrid-dev || ${@: -1} == ninja-build ]] || echo "install ok installed"'
run 0
said 'setup: installing with apt-get: ninja-build libsimgrid-dev'
grep -q ' update$' "$box/apt-log" || fail "no update"
grep -q ' install --no-install-recommends ninja-build libsimgrid-dev$' "$box/apt-log" || fail "no install"

stub apt-get '[[ $* != *install* ]] || exit 100'
run 1
said 'setup: apt-get could not install: ninja-build libsimgrid-dev'

rm "$box/apt-get"
run 1
said "setup: no apt-get here. Install the equivalents of: ninja-build libsimgrid-dev"
MOESIM_SKIP_SETUP=1 run 0
said 'skipped'

stub dpkg-query 'echo "install ok installed"'
stub cmake 'echo "cmake version 3.18.4"'
run 1
said 'setup: cmake is 3.18.4, but 3.25 or newer is needed'
