#!/usr/bin/env python3
"""What happens to a machine must not lose results, double them or change them: accidents_test.py MOESIM [COUNT [SEED]]

A study is disturbed COUNT times in one folder after another and resumed until it ends by itself. What the folder holds then
must equal what an undisturbed study left, but for the times that a run took; no run may be simulated again that was on disk
and sound when the disturbance came.
"""

import csv
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MOESIM = os.path.abspath(sys.argv[1])
COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 20
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 1

SCENARIO = """\
workload: {layers: 4, hidden: 1024, vocab: 32000, heads: 16, kv_heads: 4, head_dim: 64, experts: 16, top_k: 2, moe_ffn: 512}
platform: {base: h100-sxm, gpus: 16}
plan: {ep: 8, pp: 2}
batch: {global_batch: 32, micro_batch: 1, sequence_length: 1024}
"""
STUDY = """\
base: small.yaml
grid: {batch.global_batch: [32, 64], plan.ep: [2, 4, 8, 12], batch.micro_batch: [1, 2]}
"""
MEASURED = ("wall_s", "peak_rss_bytes")  # of a run: differ each time


def command(folder):
    return [MOESIM, "sweep", "study.yaml", "--out", str(folder), "--jobs", "2"]


def results(folder):
    """Every run of the folder as its JSON and its line of the table, without what was measured of the process."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        stored = json.loads(path.read_text())
        for key in MEASURED:
            for part in ("run", "simulation"):
                stored.get(part, {}).pop(key, None)
        found[path.name] = stored
    with open(folder / "results.csv", newline="") as file:
        for line in csv.DictReader(file):
            assert ("line", line["name"]) not in found, f"{line['name']} is twice in {folder}/results.csv"
            found["line", line["name"]] = {key: value for key, value in line.items() if key not in MEASURED}
    return found


def sound(folder):
    """When each run on disk was written, of those that can be read."""
    times = {}
    for path in folder.glob("*.json"):
        try:
            json.loads(path.read_text())
            times[path.name] = path.stat().st_mtime_ns
        except ValueError:
            pass
    return times


def started(folder, **options):
    return subprocess.Popen(command(folder), stdout=options.pop("stdout", subprocess.DEVNULL), stderr=subprocess.PIPE,
                            start_new_session=True, **options)


def stop_by(number):
    def accident(folder, chance):
        process = started(folder)
        time.sleep(chance.uniform(0, 0.5))
        if process.poll() is None:
            process.send_signal(number)
        process.communicate(timeout=60)
        time.sleep(0.1)  # the simulations of a killed batch end with it
    return accident


def reader_gone(folder, chance):
    process = started(folder, stdout=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    process.communicate(timeout=60)


def no_room(folder, chance):
    """No file may grow beyond a few hundred bytes, as when the disk is full."""
    limit = chance.randrange(1, 3000)

    def before_exec():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writes fail instead, as they do on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    process = started(folder, preexec_fn=before_exec)
    _, err = process.communicate(timeout=60)
    # Where every write fails, the program says so.
    assert process.returncode != 0 and err, f"{limit} bytes a file: exit code {process.returncode}, no word"


def damaged(folder, chance):
    files = sorted(folder.glob("*.json")) + [folder / "results.csv", folder / "order.txt"]
    files = [file for file in files if file.exists()]
    if not files:
        return
    file = chance.choice(files)
    text = file.read_bytes()
    kind = chance.randrange(3)
    if kind == 0:
        file.write_bytes(text[: chance.randrange(len(text) + 1)])
    elif kind == 1:
        file.write_bytes(bytes(chance.randrange(256) for _ in range(len(text))))
    else:
        file.unlink()


def of_another_version(folder, chance):
    files = sorted(folder.glob("*.json"))
    if not files:
        return
    file = chance.choice(files)
    stored = json.loads(file.read_text())
    stored["run"]["fingerprint"] = "0123456789abcdef"
    file.write_text(json.dumps(stored))


def clock_set_back(folder, chance):
    for file in folder.iterdir():
        tomorrow = time.time() + 86400
        os.utime(file, (tomorrow, tomorrow))


def two_at_once(folder, chance):
    first, second = started(folder), started(folder)
    for process in (first, second):
        _, err = process.communicate(timeout=60)
        assert process.returncode in (0, 2), err
        if process.returncode == 2:
            assert b"another batch" in err, err


ACCIDENTS = {
    "SIGKILL": stop_by(signal.SIGKILL),
    "SIGTERM": stop_by(signal.SIGTERM),
    "SIGINT": stop_by(signal.SIGINT),
    "SIGHUP": stop_by(signal.SIGHUP),
    "the reader of stdout is gone": reader_gone,
    "no room on the disk": no_room,
    "a damaged file": damaged,
    "a result of another version": of_another_version,
    "the clock set back": clock_set_back,
    "two batches at once": two_at_once,
}


def main():
    chance = random.Random(SEED)
    with tempfile.TemporaryDirectory() as box:
        os.chdir(box)
        Path("small.yaml").write_text(SCENARIO)
        Path("study.yaml").write_text(STUDY)
        calm = Path("calm")
        subprocess.run(command(calm), check=True, stdout=subprocess.DEVNULL)
        expected = results(calm)
        assert len(expected) == 2 * 16, len(expected)
        names = list(ACCIDENTS)
        for number in range(COUNT):
            folder = Path(f"out{number}")
            story = [names[(number + i) % len(names)] if i == 0 else chance.choice(names) for i in range(chance.randrange(1, 4))]
            for name in story:
                folder.mkdir(exist_ok=True)
                ACCIDENTS[name](folder, chance)
            before = sound(folder)
            done = subprocess.run(command(folder), capture_output=True, text=True)
            told = f"accidents {', '.join(story)} (number {number}, seed {SEED})"
            assert done.returncode == 0, f"{told}: exit code {done.returncode}: {done.stderr}"
            left = [path.name for path in folder.iterdir() if path.suffix not in (".json", ".csv", ".txt") and path.name != ".lock"]
            assert not left, f"{told}: {left} is left in the folder"
            found = results(folder)
            differ = [name for name in expected | found if expected.get(name) != found.get(name)]
            assert not differ, f"{told}: {differ[0]}: {found.get(differ[0])} instead of {expected.get(differ[0])}"
            if "a result of another version" not in story:
                skipped = {name for name, stored in expected.items() if isinstance(name, str) and stored["run"]["status"] == "skipped"}
                again = [name for name, when in before.items() if name not in skipped and (folder / name).stat().st_mtime_ns != when]
                assert not again, f"{told}: simulated again: {again}"
            shutil.rmtree(folder)
    print(f"{COUNT} accidents, nothing lost, nothing twice")


main()
