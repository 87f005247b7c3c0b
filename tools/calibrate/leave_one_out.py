#!/usr/bin/env python3
"""Refits the framework constants without each source in turn and predicts that source.

    tools/calibrate/leave_one_out.py MOESIM TABLE.csv [--jobs 2] [--out DIR] > leave_one_out.md

Seven constants, each the same for all rows of a device: the host's time per kernel (Hopper, Blackwell), the speed of
kernels inside a step (Hopper, GB200, GB300, B200 with B300), and what data-parallel collectives reach between racks
(GB200, GB300). The table is simulated as it is and, device by device, with each constant a little larger; in between, the
logarithm of a prediction is taken as linear in those of the constants. A refit minimises the mean absolute log error of all rows but the source's; a shift at
the edge of its grid is told. Finished simulations in DIR are not repeated.

Not refitted, although steps decided them too: the two host costs of EP overlap, the bytes of biases, the factor of
unfused permutation and HybridEP's start-up. Rules that were inferred (docs/VALIDATION.md) stay as well.
"""
import argparse
import json
import math
import re
import statistics
import subprocess
import sys
from pathlib import Path

# How much larger a constant is made to see what it does.
STEPS = {"host": 1.15, "efficiency": 1.04, "replicas": 1.2}
# Shifts of logarithms that a refit tries.
GRIDS = {"host": [i * 0.02 for i in range(-30, 31)], "efficiency": [i * 0.01 for i in range(-20, 21)],
         "replicas": [i * 0.1 for i in range(-8, 9)]}
KEYS = {"host": "platform.device.host_launch_s", "efficiency": "platform.device.step_efficiency",
        "replicas": "platform.dp_nic_efficiency"}
RACKS = ("gb200-nvl72", "gb300-nvl72")
GENERATIONS = {"h100-sxm": "Hopper", "h800-sxm": "Hopper", "gb200-nvl72": "Blackwell", "gb300-nvl72": "Blackwell",
               "b200-hgx": "Blackwell", "b300-hgx": "Blackwell"}
CHIPS = {"h100-sxm": "Hopper", "h800-sxm": "Hopper", "gb200-nvl72": "GB200", "gb300-nvl72": "GB300",
         "b200-hgx": "B200, B300", "b300-hgx": "B200, B300"}
UNITS = {"us": 1e-6, "ns": 1e-9, "ms": 1e-3, "s": 1.0, "": 1.0}


def constant(scenario, key):
    """A constant of a scenario that validate wrote, with what its framework's profile gave."""
    values, depth = scenario.read_text(), 0
    for part in key.split("."):
        line = re.search(rf"^{' ' * depth}{part}:[ ]*(.*)$", values, re.M)
        if not line:
            raise SystemExit(f"{scenario} has no {key}")
        values, depth = values[line.start():], depth + 2
    number, _, unit = line[1].strip().partition(" ")
    return float(number) * UNITS[unit]


def validate(args, out, gpu=None, sets=(), scenarios=None):
    command = [args.moesim, "validate", args.table, "--format", "json", "--jobs", str(args.jobs), "--out", str(out)]
    if scenarios:
        command += ["--scenarios", str(scenarios)]
    if gpu:
        command += ["--where", f"gpu={gpu}"]
    for text in sets:
        command += ["--set", text]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return {row["line"]: row for row in json.loads(done.stdout)["rows"] if "predicted" in row}


def log_speed(row):
    """Of the prediction over the measurement; above 0 the simulation is too fast."""
    ratio = math.log(row["predicted"] / row["measured"])
    return -ratio if row["metric"] == "step_time_s" else ratio


def group_of(source):
    """The publication: all tables and releases of one are left out together."""
    if "mlperf" in source.lower():
        return "MLPerf Training v6.0"
    if "arXiv:2412.19437" in source or "arXiv:2505.09343" in source:
        return "DeepSeek (arXiv:2412.19437, arXiv:2505.09343)"
    if paper := re.match(r"arXiv:[0-9.]+", source):
        return paper[0]
    return source.split("@")[0].split(" tag ")[0]


def loss_of(rows, host, replicas, efficiency):
    return sum(abs(row["log"] + row["host"] * host + row["replicas"] * replicas + row["efficiency"] * efficiency)
               for row in rows)


def refit(rows):
    """Shifts of the logarithms of the constants, by (name, who shares it)."""
    shifts = {}
    for generation in sorted(set(GENERATIONS[row["gpu"]] for row in rows)):
        own = [row for row in rows if GENERATIONS[row["gpu"]] == generation]
        chips = {chip: [row for row in own if CHIPS[row["gpu"]] == chip]
                 for chip in sorted(set(CHIPS[row["gpu"]] for row in own))}
        best = None
        for host in GRIDS["host"]:
            for replicas in GRIDS["replicas"] if any(row["replicas"] for row in own) else [None]:
                total, found = 0.0, {("host", generation): host}
                if replicas is not None:
                    found["replicas", "racks"] = replicas
                for chip, rows_of_chip in chips.items():
                    loss, found["efficiency", chip] = min(
                        (loss_of(rows_of_chip, host, replicas or 0.0, e), e) for e in GRIDS["efficiency"])
                    total += loss
                if best is None or total < best[0]:
                    best = total, found
        shifts.update(best[1])
    return shifts


def at_edge(shifts):
    return [f"{name} of {who}" for (name, who), shift in shifts.items()
            if shift in (GRIDS[name][0], GRIDS[name][-1])]


def shifted(row, shifts):
    """The row's log error with refitted constants. What no remaining row decides stays as it is."""
    host = shifts.get(("host", GENERATIONS[row["gpu"]]), 0.0)
    efficiency = shifts.get(("efficiency", CHIPS[row["gpu"]]), 0.0)
    replicas = shifts.get(("replicas", "racks"), 0.0)
    return row["log"] + row["host"] * host + row["efficiency"] * efficiency + row["replicas"] * replicas


def percent(log_error):
    return 100 * abs(math.expm1(log_error))


def quantile(values, part):
    ordered = sorted(values)
    at = part * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("moesim")
    parser.add_argument("table")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", default="results/leave_one_out")
    args = parser.parse_args()
    out = Path(args.out)
    scenarios = out / "scenarios"

    base = validate(args, out, scenarios=scenarios)
    one_of = {row["gpu"]: scenarios / (row["run"] + ".yaml") for row in base.values()}
    for row in base.values():
        row.update(log=log_speed(row), host=0.0, efficiency=0.0, replicas=0.0)
    for gpu in one_of:
        for name, key in KEYS.items():
            if name == "replicas" and gpu not in RACKS:
                continue
            value = constant(one_of[gpu], key) * STEPS[name]
            for line, row in validate(args, out, gpu, [f"{key}={value:.9g}"]).items():
                base[line][name] = (log_speed(row) - base[line]["log"]) / math.log(STEPS[name])
            print(f"{gpu} {key} done", file=sys.stderr)
    rows = list(base.values())
    sources = {}
    for row in rows:
        sources.setdefault(group_of(row["source"]), []).append(row)

    print("| left out | rows | median \\|error\\| as fitted | refitted without it | 90th percentile as fitted "
          "| refitted without it |")
    print("|---|---:|---:|---:|---:|---:|")

    def line(name, before, after):
        print(f"| {name} | {len(before)} | {statistics.median(before):.1f} % | {statistics.median(after):.1f} % "
              f"| {quantile(before, 0.9):.1f} % | {quantile(after, 0.9):.1f} % |")

    all_before, all_after = [], []
    for source, own in sources.items():
        shifts = refit([row for row in rows if group_of(row["source"]) != source])
        for name in at_edge(shifts):
            print(f"without {source}: {name} at the edge of its grid", file=sys.stderr)
        before, after = [percent(row["log"]) for row in own], [percent(shifted(row, shifts)) for row in own]
        all_before += before
        all_after += after
        line(source, before, after)
    line("**each once, together**", all_before, all_after)
    whole = refit(rows)
    line("nothing: refitted on all", all_before, [percent(shifted(row, whole)) for row in rows])
    print()
    print("Refitted on all rows: " + ", ".join(f"{name} of {who} x {math.exp(shift):.2f}"
                                               for (name, who), shift in sorted(whole.items())) + ".")


if __name__ == "__main__":
    main()
