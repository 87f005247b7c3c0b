#!/usr/bin/env python3
"""Holds a simulated step against the phases of DeepSeek's published training profile, layer by layer.

    moesim run scenarios/deepseek-v3-profile.yaml --trace step.json.gz
    tools/calibrate/compare_profile.py step.json.gz scenarios/validation/deepseek-profile.csv

Takes a microbatch in the middle of the step, where one forward and one backward run side by side, and one rank. As in
the profile, attn is everything between a combine and the next dispatch, mlp what lies between dispatch and combine,
recomputation counts as backward.
"""
import collections
import csv
import gzip
import json
import re
import sys

ATTENTION = ("norm", "qkv projection", "rope", "attention", "output projection", "router", "top k", "residual",
             "embedding")
MLP = ("shared expert", "expert fc1", "expert activation", "expert fc2", "permute", "unpermute")


def part_of(name):
    return "attn" if name in ATTENTION else "mlp" if name in MLP else None


def rank_events(trace):
    """Kernels and transfers of the first rank, in order of time."""
    events = [e for e in trace["traceEvents"] if e.get("ph") == "X" and e["pid"] == 2 and "args" in e]
    return sorted(events, key=lambda e: e["ts"])


def phases(events, microbatch):
    found = collections.Counter()
    waiting = collections.Counter()  # casts belong to the kernel that follows
    last = {}
    for event in events:
        args = event["args"]
        match = re.match(r"L\d+ (.*)", event["name"])
        if not match or args.get("microbatch") != microbatch[args.get("phase") != "forward"]:
            continue
        forward = args["phase"] == "forward"
        letter = "F" if forward else "W" if args["phase"] == "weight gradient" else "B"
        name = re.sub(r" (backward|weight gradient|recompute)$", "", match[1])
        if name in ("dispatch", "combine"):
            found[f"{name}({'F' if forward else 'B'})"] += event["dur"]
            continue
        part = part_of(name)
        if part is None and name != "cast":
            continue  # gathers and reductions of data parallelism
        if part is None:
            waiting[letter] += event["dur"]
            last.setdefault(letter, "attn")
            continue
        last[letter] = part
        found[f"{part}({letter})"] += event["dur"] + waiting.pop(letter, 0)
    for letter, time in waiting.items():
        found[f"{last[letter]}({letter})"] += time
    return found


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    with gzip.open(sys.argv[1], "rt", encoding="utf-8") as file:
        events = rank_events(json.load(file))
    with open(sys.argv[2], encoding="utf-8") as file:
        measured = {row["phase"]: float(row["us_per_layer"]) for row in csv.DictReader(file)}
    layers = len({match[1] for event in events if (match := re.match(r"L(\d+) attention", event["name"]))})
    backward = 0  # runs beside the forward of the next microbatch
    found = phases(events, {False: backward + 1, True: backward})
    both = [e for e in events if e["args"].get("microbatch") == backward and e["args"].get("phase") == "backward"]
    found["all"] = max(e["ts"] + e["dur"] for e in both) - min(e["ts"] for e in both)
    print(f"{'phase, us per layer':<20} {'predicted':>10} {'measured':>10} {'error %':>8}")
    for phase, value in measured.items():
        predicted = found[phase] / layers
        print(f"{phase:<20} {predicted:>10.0f} {value:>10.0f} {100 * (predicted / value - 1):>+8.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
