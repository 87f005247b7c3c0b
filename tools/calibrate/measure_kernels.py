#!/usr/bin/env python3
"""Times kernels on the GPU at hand with PyTorch and writes the tables that `moesim calibrate` reads.

    tools/calibrate/measure_kernels.py --out measured/       # gemm.csv, grouped_gemm.csv, attention.csv, memory.csv, ...
    moesim calibrate --gemm measured/gemm.csv --grouped-gemm measured/grouped_gemm.csv \\
        --attention measured/attention.csv --memory measured/memory.csv --base h100-sxm -o my_device.yaml

Columns: docs/formats/tables.md. Times are device times between CUDA events, less what a pair of events sees around nothing: the
median of the repeats, with the caches overwritten in between, as in a training step. sequence.csv has the kernels of one
MoE layer, sustained.csv what they take in a row, for seconds on end, with the chip's clock and power. Shapes that do not
run are told and left out. Device, software and date go to measured/about.txt. Takes less than a minute on an H100.
"""
import argparse
import csv
import datetime
import os
import platform
import statistics
import sys
import time

COLUMNS = ["class", "device", "kernel", "precision", "pass", "groups", "m", "n", "k", "sequences", "heads", "seq_len",
           "qk_dim", "v_dim", "causal", "bytes", "time_us", "timing", "fit", "source"]
SUSTAINED_COLUMNS = ["device", "kernels", "alone_us", "in_a_row_us", "clock_mhz", "power_w", "source"]
FLUSH_BYTES = 1 << 30  # more than any L2, and longer to write than the host needs to queue a backward pass
TOKENS = 8192  # of the layer that runs as a sequence


def between_events(torch, work):
    """The events before and after `work`, of which the times are known after a synchronisation."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    work()
    end.record()
    return begin, end


class CudaTimer:
    """Device time of `work` in microseconds: alone with cold caches, or for seconds on end."""

    def __init__(self, torch, repeats):
        self.torch, self.repeats = torch, repeats
        self.flush = torch.empty(FLUSH_BYTES, dtype=torch.uint8, device="cuda")
        self.empty_us = 0.0
        self.empty_us = self(lambda: None)  # what a pair of events sees around nothing

    def __call__(self, work):
        for _ in range(3):
            work()
        times = []
        for _ in range(self.repeats):
            self.flush.zero_()
            begin, end = between_events(self.torch, work)
            self.torch.cuda.synchronize()
            times.append(begin.elapsed_time(end) * 1e3)
        return statistics.median(times) - self.empty_us

    def sustained(self, work, seconds=4.0):
        """One `work` of many in a row, replayed from a CUDA graph: (mean in the second half of so many seconds, clock in
        MHz, power in W; of these the medians, empty where PyTorch finds no NVML)."""
        for _ in range(3):
            work()
        self.torch.cuda.synchronize()
        graph = self.torch.cuda.CUDAGraph()
        with self.torch.cuda.graph(graph):
            work()
        spent, count, late = 0.0, 1, []
        while spent < seconds:
            begin, end = between_events(self.torch, lambda: [graph.replay() for _ in range(count)])
            state = self.state()
            self.torch.cuda.synchronize()
            elapsed_ms = begin.elapsed_time(end)
            if spent + elapsed_ms / 1e3 > seconds / 2:
                late.append((elapsed_ms, count, *state))
            spent += elapsed_ms / 1e3
            count = max(1, round(count * 250 / elapsed_ms))  # about a quarter of a second a turn
        times, counts, clocks, powers = zip(*late)
        return sum(times) / sum(counts) * 1e3, middle(clocks), middle(powers)

    def state(self):
        """Clock in MHz and power in W, in the midst of a turn."""
        time.sleep(0.1)
        try:
            return self.torch.cuda.clock_rate(), self.torch.cuda.power_draw() / 1e3
        except (ImportError, RuntimeError):
            return None, None


def middle(values):
    known = [value for value in values if value is not None]
    return round(statistics.median(known)) if known else ""


def bf16(torch, *shape, **more):
    return torch.randn(*shape, device="cuda", dtype=torch.bfloat16, **more)


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
    """(sequences, heads, length, width of queries and keys, width of values): usual widths, and DeepSeek's MLA."""
    for seq_len, sequences in ((1024, 16), (2048, 8), (4096, 4), (8192, 2), (16384, 1)):
        for heads, qk_dim, v_dim in ((64, 64, 64), (32, 128, 128), (128, 192, 128)):
            yield sequences, heads, seq_len, qk_dim, v_dim


def row(kind, time_us, **cells):
    return {"class": kind, "time_us": f"{time_us:.3f}", "timing": "kernel", **cells}


def measure_gemm(torch, timer):
    shapes = list(gemm_shapes())
    for m, n, k in shapes:
        a, b = bf16(torch, m, k), bf16(torch, n, k)
        yield row("gemm", timer(lambda: torch.nn.functional.linear(a, b)), kernel="torch.linear", precision="bf16",
                  **{"pass": "fwd"}, groups=1, m=m, n=n, k=k)
    if torch.cuda.get_device_capability() < (8, 9):
        return
    one = torch.ones((), device="cuda")
    for m, n, k in shapes:
        a, b = (bf16(torch, rows, k).to(torch.float8_e4m3fn) for rows in (m, n))
        time_us = timer(lambda: torch._scaled_mm(a, b.t(), one, one, out_dtype=torch.bfloat16, use_fast_accum=True))
        yield row("gemm", time_us, kernel="torch._scaled_mm, a scale per tensor", precision="fp8", **{"pass": "fwd"},
                  groups=1, m=m, n=n, k=k)


def grouped_product(torch, groups, rows, n, k):
    """(name, work): one kernel over groups from Hopper on, where this PyTorch has it; else a batched product."""
    b = bf16(torch, groups, n, k).transpose(1, 2)
    if hasattr(torch, "_grouped_mm") and torch.cuda.get_device_capability() >= (9, 0):
        a = bf16(torch, groups * rows, k)
        ends = torch.arange(1, groups + 1, device="cuda", dtype=torch.int32) * rows
        return "torch._grouped_mm", lambda: torch._grouped_mm(a, b, offs=ends)
    a = bf16(torch, groups, rows, k)
    return "torch.bmm", lambda: torch.bmm(a, b)


def measure_grouped(torch, timer):
    """Equal groups. `m` counts the rows of all of them."""
    for groups, rows, n, k in grouped_shapes():
        name, work = grouped_product(torch, groups, rows, n, k)
        yield row("grouped_gemm", timer(work), kernel=name, precision="bf16", **{"pass": "fwd"}, groups=groups,
                  m=groups * rows, n=n, k=k)


def sdpa(torch, q, k, v, backend):
    if backend != "cuDNN":
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.CUDNN_ATTENTION):
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)


def measure_one_attention(torch, timer, shape, backend):
    sequences, heads, seq_len, qk_dim, v_dim = shape
    q, k, v = (bf16(torch, sequences, heads, seq_len, width, requires_grad=True) for width in (qk_dim, qk_dim, v_dim))
    out = sdpa(torch, q, k, v, backend)
    grad = torch.randn_like(out)
    cells = dict(kernel=f"torch SDPA, {backend}", precision="bf16", sequences=sequences, heads=heads, seq_len=seq_len,
                 qk_dim=qk_dim, v_dim=v_dim, causal="yes")
    forward = timer(lambda: sdpa(torch, q, k, v, backend))
    backward = timer(lambda: torch.autograd.grad(out, (q, k, v), grad, retain_graph=True))
    return [row("attention_fwd", forward, **cells, **{"pass": "fwd"}),
            row("attention_bwd", backward, **cells, **{"pass": "bwd"})]


def measure_attention(torch, timer):
    """cuDNN's kernels, which TransformerEngine takes too, from Hopper on; PyTorch's choice before."""
    backend = "cuDNN" if torch.cuda.get_device_capability() >= (9, 0) else "its choice"
    for shape in attention_shapes():
        try:
            yield from measure_one_attention(torch, timer, shape, backend)
        except RuntimeError as error:
            print(f"measure_kernels: left out attention {shape}: {str(error).splitlines()[0]}", file=sys.stderr)


def measure_memory(torch, timer):
    """Kernels that stream: bytes are read and written. Copies of all sizes, then what a layer does between products."""
    for size in (1 << power for power in range(18, 32)):
        source = torch.empty(size // 2, dtype=torch.uint8, device="cuda")
        target = torch.empty_like(source)
        yield row("memory", timer(lambda: target.copy_(source)), kernel="torch.copy_", bytes=size)
    for tokens in (1024, 4096, 16384):
        for hidden in (2048, 4096, 7168):
            x, y = bf16(torch, tokens, hidden), bf16(torch, tokens, hidden)
            order = torch.randperm(tokens, device="cuda")
            element = 2 * tokens * hidden
            for name, bytes_moved, work in (
                    ("torch.add", 3 * element, lambda: torch.add(x, y)),
                    ("torch.layer_norm", 2 * element, lambda: torch.nn.functional.layer_norm(x, (hidden,))),
                    ("torch.glu", 3 * element // 2, lambda: torch.nn.functional.glu(x)),
                    ("torch.index_select", 2 * element, lambda: torch.index_select(x, 0, order))):
                yield row("memory", timer(work), kernel=name, bytes=bytes_moved)


def layer(torch, hidden=2048, heads=32, width=128, length=4096, experts=16, expert_hidden=768, top_k=8):
    """[(row without its time, work)]: the kernels of the forward of one layer of Qwen3-30B-A3B on TOKENS tokens, without
    router and communication; 8-way expert parallelism sends each device as many rows as its own tokens have choices."""
    tokens, rows = TOKENS, TOKENS * top_k
    x, y, chosen = bf16(torch, tokens, hidden), bf16(torch, tokens, hidden), bf16(torch, rows, hidden)
    q, k, v = (bf16(torch, tokens // length, heads, length, width) for _ in range(3))
    order = torch.randperm(rows, device="cuda")
    gate = bf16(torch, rows, 2 * expert_hidden)
    functional = torch.nn.functional

    def product(n, k):
        a, b = bf16(torch, tokens, k), bf16(torch, n, k)
        return (row("gemm", 0, kernel="torch.linear", precision="bf16", **{"pass": "fwd"}, groups=1, m=tokens, n=n, k=k),
                lambda: functional.linear(a, b))

    def grouped(n, k):
        name, work = grouped_product(torch, experts, rows // experts, n, k)
        return row("grouped_gemm", 0, kernel=name, precision="bf16", **{"pass": "fwd"}, groups=experts, m=rows, n=n,
                   k=k), work

    def streaming(name, elements, work):
        return row("memory", 0, kernel=name, bytes=2 * elements), work

    own, routed = tokens * hidden, rows * hidden
    norm = streaming("torch.layer_norm", 2 * own, lambda: functional.layer_norm(x, (hidden,)))
    add = streaming("torch.add", 3 * own, lambda: torch.add(x, y))
    attention = (row("attention_fwd", 0, kernel="torch SDPA, its choice", precision="bf16", **{"pass": "fwd"},
                     sequences=tokens // length, heads=heads, seq_len=length, qk_dim=width, v_dim=width, causal="yes"),
                 lambda: sdpa(torch, q, k, v, "its choice"))
    return [norm, product(3 * heads * width, hidden), attention, product(hidden, heads * width), add, norm,
            streaming("torch.index_select", 2 * routed, lambda: torch.index_select(chosen, 0, order)),
            grouped(2 * expert_hidden, hidden),
            streaming("torch.glu", rows * 3 * expert_hidden, lambda: functional.glu(gate)),
            grouped(hidden, expert_hidden),
            streaming("torch.index_select", 2 * routed, lambda: torch.index_select(chosen, 0, order)), add]


def measure_sequence(torch, timer):
    """Each kernel of a layer alone, with cold caches and a cool chip."""
    with torch.no_grad():
        for cells, work in layer(torch):
            yield {**cells, "time_us": f"{timer(work):.3f}"}


def measure_sustained(torch, timer):
    """What kernels lose in a row for seconds, as in a step. `moesim calibrate` does not read this table."""

    def both(name, works, copies):
        alone = sum(timer(work) for work in works[:len(works) // copies])
        together, clock, power = timer.sustained(lambda: [work() for work in works])
        return {"kernels": name, "alone_us": f"{alone:.3f}", "in_a_row_us": f"{together / copies:.3f}",
                "clock_mhz": clock, "power_w": power}

    with torch.no_grad():
        copies = 4  # weights of more layers than one, so that they come from memory
        yield both("the layer of sequence.csv", [work for _ in range(copies) for _, work in layer(torch)], copies)
        for m, n, k in ((8192, 8192, 8192), (16384, 7168, 4096)):
            a, b = bf16(torch, m, k), bf16(torch, n, k)
            yield both(f"torch.linear {m} x {n} x {k} in BF16", [lambda a=a, b=b: torch.nn.functional.linear(a, b)], 1)


TABLES = {"gemm": measure_gemm, "grouped_gemm": measure_grouped, "attention": measure_attention,
          "memory": measure_memory, "sequence": measure_sequence, "sustained": measure_sustained}


def write_table(path, rows, device, source):
    with open(path, "w", newline="", encoding="utf-8") as file:
        columns = SUSTAINED_COLUMNS if os.path.basename(path) == "sustained.csv" else COLUMNS
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
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
