#!/usr/bin/env python3
"""Times kernels on the GPU at hand with PyTorch and writes the tables that `moesim calibrate` reads.

    tools/calibrate/measure_kernels.py --out measured/            # gemm.csv, grouped_gemm.csv, attention.csv, memory.csv
    moesim calibrate --gemm measured/gemm.csv --grouped-gemm measured/grouped_gemm.csv \\
        --attention measured/attention.csv --memory measured/memory.csv --base h100-sxm -o my_device.yaml

Columns: docs/FORMATS.md. Times are device times between CUDA events over several launches, the median of the repeats, with
the caches overwritten between repeats, as in a training step. Device, software and date go to measured/about.txt.
"""
import argparse
import csv
import datetime
import os
import platform
import statistics
import sys

COLUMNS = ["class", "device", "kernel", "precision", "pass", "groups", "m", "n", "k", "sequences", "heads", "seq_len",
           "qk_dim", "v_dim", "causal", "bytes", "time_us", "timing", "source"]
FLUSH_BYTES = 256 << 20  # more than any L2


class CudaTimer:
    """Median device time of `work` in microseconds."""

    def __init__(self, torch, repeats):
        self.torch, self.repeats = torch, repeats
        self.flush = torch.empty(FLUSH_BYTES, dtype=torch.uint8, device="cuda")

    def __call__(self, work):
        for _ in range(3):
            work()
        times = []
        for _ in range(self.repeats):
            self.flush.zero_()
            begin, end = (self.torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            work()
            end.record()
            self.torch.cuda.synchronize()
            times.append(begin.elapsed_time(end) * 1e3)
        return statistics.median(times)


def gemm_shapes():
    for m in (128, 512, 2048, 4096, 8192, 16384):
        for n, k in ((2048, 2048), (4096, 4096), (7168, 2048), (4096, 7168), (18432, 7168), (7168, 16384)):
            yield m, n, k


def grouped_shapes():
    for groups in (4, 8, 16, 32):
        for rows in (64, 128, 256, 1024, 4096):
            for n, k in ((4096, 7168), (7168, 2048), (1536, 4096)):
                yield groups, rows, n, k


def attention_shapes():
    for seq_len, sequences in ((1024, 16), (2048, 8), (4096, 4), (8192, 2), (16384, 1)):
        for heads, width in ((64, 64), (32, 128)):
            yield sequences, heads, seq_len, width


def memory_sizes():
    return [1 << power for power in range(18, 32, 1)]


def row(kind, time_us, **cells):
    return {"class": kind, "time_us": f"{time_us:.3f}", "timing": "kernel", **cells}


def measure_gemm(torch, timer):
    for m, n, k in gemm_shapes():
        a = torch.randn(m, k, device="cuda", dtype=torch.bfloat16)
        b = torch.randn(n, k, device="cuda", dtype=torch.bfloat16)
        yield row("gemm", timer(lambda: torch.nn.functional.linear(a, b)), kernel="torch.linear", precision="bf16",
                  **{"pass": "fwd"}, groups=1, m=m, n=n, k=k)


def measure_grouped(torch, timer):
    """Batched products with equal groups: what every PyTorch has. `m` counts the rows of all groups."""
    for groups, rows, n, k in grouped_shapes():
        a = torch.randn(groups, rows, k, device="cuda", dtype=torch.bfloat16)
        b = torch.randn(groups, k, n, device="cuda", dtype=torch.bfloat16)
        yield row("grouped_gemm", timer(lambda: torch.bmm(a, b)), kernel="torch.bmm", precision="bf16",
                  **{"pass": "fwd"}, groups=groups, m=groups * rows, n=n, k=k)


def measure_attention(torch, timer):
    attention = torch.nn.functional.scaled_dot_product_attention
    for sequences, heads, seq_len, width in attention_shapes():
        q, k, v = (torch.randn(sequences, heads, seq_len, width, device="cuda", dtype=torch.bfloat16,
                               requires_grad=True) for _ in range(3))
        cells = dict(kernel="torch.sdpa", precision="bf16", sequences=sequences, heads=heads, seq_len=seq_len,
                     qk_dim=width, v_dim=width, causal="yes")
        out = attention(q, k, v, is_causal=True)
        grad = torch.randn_like(out)
        forward = timer(lambda: attention(q, k, v, is_causal=True))
        backward = timer(lambda: torch.autograd.grad(out, (q, k, v), grad, retain_graph=True))
        yield row("attention_fwd", forward, **cells, **{"pass": "fwd"})
        yield row("attention_bwd", backward, **cells, **{"pass": "bwd"})


def measure_memory(torch, timer):
    """Copies of so many bytes: half of them read, half written."""
    for size in memory_sizes():
        source = torch.empty(size // 2, dtype=torch.uint8, device="cuda")
        target = torch.empty_like(source)
        yield row("memory", timer(lambda: target.copy_(source)), kernel="torch.copy_", bytes=size)


TABLES = {"gemm": measure_gemm, "grouped_gemm": measure_grouped, "attention": measure_attention,
          "memory": measure_memory}


def write_table(path, rows, device, source):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        for cells in rows:
            writer.writerow({"device": device, "source": source, **cells})
            file.flush()


def main(argv=None, torch=None, make_timer=CudaTimer):
    """`torch` and `make_timer` are put in by the test, which has no GPU."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="measured", help="folder for the tables")
    parser.add_argument("--only", choices=sorted(TABLES), action="append", help="these tables only")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--device-name", default="measured", help="for the device column")
    options = parser.parse_args(argv)
    if torch is None:
        try:
            import torch
        except ImportError:
            print("measure_kernels: PyTorch is not installed", file=sys.stderr)
            return 2
        if not torch.cuda.is_available():
            print("measure_kernels: PyTorch sees no GPU", file=sys.stderr)
            return 2
    gpu = torch.cuda.get_device_name()
    about = (f"{gpu}, PyTorch {torch.__version__}, CUDA {torch.version.cuda}, Python {platform.python_version()}, "
             f"{datetime.date.today().isoformat()}")
    os.makedirs(options.out, exist_ok=True)
    with open(os.path.join(options.out, "about.txt"), "w", encoding="utf-8") as file:
        file.write(about + "\n")
    timer = make_timer(torch, options.repeats)
    for name in options.only or TABLES:
        path = os.path.join(options.out, name + ".csv")
        write_table(path, TABLES[name](torch, timer), options.device_name, about)
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
