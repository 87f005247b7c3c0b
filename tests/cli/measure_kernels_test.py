"""measure_kernels.py without a GPU: a timer that invents times and a stand-in for torch, to test what it writes. That
the kernels are the right ones, and timed well, no machine without a GPU can tell."""
import csv
import pathlib
import subprocess
import sys
import tempfile

from gpu_stand_in import load, torch_of

moesim = sys.argv[2]
measure = load("measure_kernels")
torch = torch_of('Some "GPU", 80 GB')
torch.cuda.get_device_capability.return_value = (9, 0)
calls, sustained_calls = [], []


def make_timer(_torch, _repeats):
    def timer(work):
        work()
        calls.append(work)
        return 100.0 + len(calls)

    def sustained(work):
        work()
        sustained_calls.append(work)
        return 4000.0, 1400, 695

    timer.sustained = sustained
    return timer


with tempfile.TemporaryDirectory() as folder:
    assert measure.main(["--out", folder], torch, make_timer) == 0
    out = pathlib.Path(folder)
    tables = {name: list(csv.DictReader(open(out / f"{name}.csv", encoding="utf-8"))) for name in measure.TABLES}
    layer = tables["sequence"]
    assert len(layer) == 12 and {row["class"] for row in layer} == {"gemm", "grouped_gemm", "attention_fwd", "memory"}
    assert [row["m"] for row in layer if row["class"] == "grouped_gemm"] == ["65536", "65536"]
    kernels = {name: rows for name, rows in tables.items() if name != "sustained"}
    assert sum(len(rows) for rows in kernels.values()) + 12 + 2 == len(calls), len(calls)  # and those of sustained.csv alone
    first = tables["sustained"][0]
    alone = [100.0 + i for i in range(len(calls) - 13, len(calls) - 1)]
    assert float(first["alone_us"]) == sum(alone), first
    assert float(first["in_a_row_us"]) == 1000 and first["clock_mhz"] == "1400", first  # of one of four layers
    assert len(tables["sustained"]) == len(sustained_calls) == 3
    assert tables["gemm"][0]["m"] == "128" and tables["gemm"][0]["time_us"] == "101.000"
    assert {row["precision"] for row in tables["gemm"]} == {"bf16", "fp8"}
    assert {row["kernel"] for row in tables["grouped_gemm"]} == {"torch._grouped_mm"}
    assert {row["qk_dim"] for row in tables["attention"]} == {"64", "128", "192"}
    assert {row["class"] for row in tables["attention"]} == {"attention_fwd", "attention_bwd"}
    assert tables["memory"][0]["bytes"] == str(1 << 18)
    assert 'Some "GPU"' in tables["memory"][0]["source"]
    # What calibrate reads of it.
    arguments = [moesim, "calibrate", "--base", "h100-sxm", "-o", str(out / "device.yaml")]
    for name in set(measure.TABLES) - {"sustained"}:
        arguments += ["--gemm", str(out / f"{name}.csv")]
    run = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "device.gemm_efficiency" in run.stdout, run.stdout
    assert "base: h100-sxm" in (out / "device.yaml").read_text(encoding="utf-8")
print("ok")
