#!/usr/bin/env bash
# The installed program works from anywhere, on what was installed with it: install_test.sh CMAKE BUILD_DIR
set -euo pipefail
cmake=$1 build=$2
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT

"$cmake" --install "$build" --prefix "$box/first" >/dev/null
# Moved after the installation, called through a link, from a folder that has nothing to do with it.
mv "$box/first" "$box/moved here"
mkdir "$box/bin" "$box/elsewhere"
ln -s "$box/moved here/bin/moesim" "$box/bin/moesim"
share="$box/moved here/share/moesim"

# A platform that the source tree does not have: found, it was found where it was installed.
scenario=$share/scenarios/qwen3-30b-a3b-h100x16.yaml
platform=$(sed -n 's/^platform: *{\{0,1\}\(base: *\)\{0,1\}\([A-Za-z0-9_.-]*\).*/\2/p' "$scenario")
[[ -n $platform ]] || { echo "the scenario does not name its platform in one line"; exit 1; }
cp "$share/platforms/$platform.yaml" "$share/platforms/only-here.yaml"
cp "$scenario" "$box/elsewhere/mine.yaml"

cd "$box/elsewhere"
PATH=$box/bin:$PATH
moesim --version
moesim check mine.yaml >/dev/null
moesim check mine.yaml --set platform=only-here --set platform.gpus=16 >/dev/null
if moesim check mine.yaml --set platform=nowhere-at-all 2>/dev/null; then
  echo "a platform that does not exist was accepted"
  exit 1
fi

# The program is hardened as a distribution's are, and the bill of materials names what it was built from, by version.
headers=$(readelf -hd "$box/moved here/bin/moesim")
for word in 'DYN (Position-Independent' BIND_NOW; do
  [[ $headers == *"$word"* ]] || { echo "moesim is built without $word"; exit 1; }
done
python3 - "$box/moved here/share/doc/moesim/moesim.cdx.json" <<'PYTHON'
import json
import sys

bill = json.load(open(sys.argv[1]))
assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
names = {part["name"]: part["version"] for part in bill["components"]}
assert {"simgrid", "boost", "fmt", "spdlog", "yaml-cpp", "cli11", "nlohmann-json", "zlib", "echarts"} == set(names), names
assert all(version[0].isdigit() for version in names.values()), names
PYTHON
