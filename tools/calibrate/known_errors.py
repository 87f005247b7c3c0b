#!/usr/bin/env python3
"""Writes how far predictions are from measured steps, by framework and generation of the device.

    moesim validate scenarios/validation/steps.csv scenarios/validation/steps-2.csv \\
        scenarios/validation/steps-dense-2.csv --format json > validation.json
    tools/calibrate/known_errors.py validation.json -o scenarios/frameworks/known-errors.csv

A group's error is what four of five of its rows keep to, of the step time, with as much added as
leaving out each source asks for: bands of all groups, made without the source of a row, must hold
80 % of the rows. Groups have at least ten rows of two sources; the others fall back on their
framework, their generation, or all rows.
"""
import argparse
import csv
import json
import math
import re
import sys
from collections import defaultdict
from pathlib import Path

LEAST_ROWS, LEAST_SOURCES = 10, 2
HELD = 0.8


def source_of(text):
    """A publication: a repository without commit and file, a paper without its table."""
    paper = re.search(r"arXiv:\d+\.\d+", text)
    if paper:
        return paper.group()
    if text.startswith("MLPerf"):
        return "MLPerf"
    return re.split(r"[@ ]", text)[0]


def family_of(framework):
    return re.split(r"-(?=v?\d)", framework)[0]


def generations(root):
    """The generation of every platform, read through `base` and `device`."""
    def value(path, key):
        text = path.read_text()
        found = re.search(rf"^{key}:\s*(?:{{value:\s*)?([\w-]+)", text, re.M)
        return found.group(1) if found else None

    def generation(name):
        path = root / "platforms" / "devices" / f"{name}.yaml"
        if not path.exists():
            return None
        base = value(path, "base")
        return value(path, "generation") or (base and generation(base))

    def device(name):
        path = root / "platforms" / f"{name}.yaml"
        if not path.exists():
            return None
        base = value(path, "base")
        return value(path, "device") or (base and device(base))

    return {p.stem: generation(device(p.stem) or "") for p in (root / "platforms").glob("*.yaml")}


def quantile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(part * len(ordered)) - 1)]


class Row:
    def __init__(self, row, generation, framework):
        self.source = source_of(row["source"])
        # The factor between prediction and measurement, whichever is larger, less 1.
        self.error = math.exp(abs(math.log(1 + row["error_percent"] / 100))) - 1
        self.keys = [(family_of(framework), generation), (family_of(framework), ""),
                     ("", generation), ("", "")]


def groups_of(rows):
    groups = defaultdict(list)
    for row in rows:
        for key in dict.fromkeys(row.keys):
            groups[key].append(row)
    return {key: members for key, members in groups.items()
            if key == ("", "") or (len(members) >= LEAST_ROWS
                                   and len({m.source for m in members}) >= LEAST_SOURCES)}


def band(row, groups, part):
    members = next(groups[key] for key in row.keys if key in groups)
    return quantile([m.error for m in members], part)


def held_without_source(rows, part):
    held = 0
    for source in {row.source for row in rows}:
        groups = groups_of([row for row in rows if row.source != source])
        held += sum(row.error <= band(row, groups, part) for row in rows if row.source == source)
    return held / len(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("validation", help="output of moesim validate --format json")
    parser.add_argument("-o", "--output")
    options = parser.parse_args()
    root = Path(__file__).resolve().parents[2]
    data = json.loads(Path(options.validation).read_text())
    by_generation = generations(root)
    lines = {}
    rows = []
    for row in data["rows"]:
        if row["status"] != "predicted":
            continue
        table = row["table"] if Path(row["table"]).exists() else str(root / row["table"])
        if table not in lines:
            lines[table] = Path(table).read_text().splitlines()
        cells = next(csv.reader([lines[table][row["line"] - 1]]))
        header = next(csv.reader([lines[table][0]]))
        framework = dict(zip(header, cells)).get("framework", "") or "neutral"
        rows.append(Row(row, by_generation.get(row["gpu"], ""), framework))
    # The smallest part of a group's rows whose band, made without a row's source, holds it.
    part = HELD
    while part < 0.99 and held_without_source(rows, part) < HELD:
        part += 0.01
    groups = groups_of(rows)
    within = sum(row.error <= band(row, groups, part) for row in rows) / len(rows)
    print(f"{len(rows)} rows of {len({r.source for r in rows})} sources; bands of the {part:.2f} "
          f"quantile hold {100 * within:.1f} % of them, "
          f"{100 * held_without_source(rows, part):.1f} % of rows whose source they have not seen",
          file=sys.stderr)
    out = open(options.output, "w", newline="") if options.output else sys.stdout
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["framework", "generation", "rows", "sources", "error_percent"])
    for (framework, generation), members in sorted(groups.items(), reverse=True):
        error = 100 * quantile([m.error for m in members], part)
        writer.writerow([framework, generation, len(members), len({m.source for m in members}),
                         f"{error:.1f}"])


if __name__ == "__main__":
    main()
