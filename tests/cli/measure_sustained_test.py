"""measure_sustained.py without a GPU: a bench that invents times and a stand-in for torch, to test what it writes."""
import csv
import pathlib
import tempfile
from unittest.mock import MagicMock

from gpu_stand_in import load, torch_of

measure = load("measure_sustained")
torch = torch_of("Some GPU")


class Bench:
    meter = staticmethod(lambda: (1980, 100.0))

    def alone_us(self, work, repeats=5):
        work(0)
        return 100.0

    def row_us(self, work, guess_us, seconds=0.5):
        work(1)
        return 125.0, 1400, 695

    def between(self, work):
        work()
        event = MagicMock()
        event.elapsed_time.return_value = 5.0
        return event, event

    def graph(self, work):
        work(0)
        return work


torch.cuda.Event.return_value.elapsed_time.return_value = 2.0
with tempfile.TemporaryDirectory() as folder:
    assert measure.main(["--out", folder, "--device-name", "some"], torch, lambda _: Bench()) == 0
    tables = {name: list(csv.DictReader(open(pathlib.Path(folder) / f"{name}.csv", encoding="utf-8")))
              for name in ("kernels", "power", "launch")}
    kernels = tables["kernels"]
    assert {row["class"] for row in kernels} == {"gemm", "grouped_gemm", "attention_fwd", "attention_bwd", "memory"}
    assert {row["layout"] for row in kernels if row["class"] == "gemm"} == {"TN", "NN", "NT"}
    burst = [row for row in kernels if row["state"] == "burst"]
    assert len(burst) * 2 == len(kernels) and {row["time_us"] for row in burst} == {"100.000"}
    sustained = [row for row in kernels if row["state"] == "sustained"]
    assert {(row["time_us"], row["clock_mhz"], row["power_w"]) for row in sustained} == {("125.000", "1400", "695")}
    assert {row["acc"] for row in kernels if row["layout"] == "NT"} == {"True", "False"}
    assert tables["power"][0]["load"] == "idle" and len(tables["power"]) == 24
    assert len(tables["launch"]) == 4 and all(row["device"] == "some" for row in tables["launch"])
    assert "Some GPU" in kernels[0]["source"]
    assert measure.main(["--out", folder, "--budget-s", "0"], torch, lambda _: Bench()) == 0
    assert len(list(csv.DictReader(open(pathlib.Path(folder) / "kernels.csv", encoding="utf-8")))) < 10
print("ok")
