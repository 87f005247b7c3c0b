#!/usr/bin/env python3
"""Times kernels of training alone and in a row on the GPU at hand with PyTorch, with the chip's clock and power.

    tools/calibrate/measure_sustained.py --out measured/ [--budget-s 300] [--device-name h200-sxm]

A GPU runs short work at its boost clock and long work at its power limit. `kernels.csv` has each kernel in both states
(column `state`: burst = alone after a pause, caches overwritten; sustained = the second half of some tenths of a second in
a row) with the columns of docs/formats/tables.md; `power.csv` has loads that tell energy per FLOP and per byte: kernels in
a row for seconds, some with pauses between them; `launch.csv` what launching costs. Data are random normal numbers.
What does not run is told and left out; when the budget is spent, the rest is.
"""
import argparse
import csv
import datetime
import os
import platform
import statistics
import sys
import time

from measure_kernels import between_events

COLUMNS = ["class", "device", "kernel", "precision", "pass", "groups", "m", "n", "k", "sequences", "heads", "seq_len",
           "qk_dim", "v_dim", "causal", "bytes", "time_us", "timing", "fit", "source", "layout", "out", "acc", "kv",
           "grouping", "state", "clock_mhz", "power_w"]
POWER_COLUMNS = ["device", "load", "flops", "bytes", "busy_us", "period_us", "clock_mhz", "power_w", "source"]
LAUNCH_COLUMNS = ["device", "what", "us_per_kernel", "source"]
ROTATE_BYTES = 200e6  # operands of this size in turn, so that they come from memory and not from a cache


class Meter:
    """Clock in MHz and power in W at this moment; None where there is no NVML."""

    def __init__(self):
        try:
            import pynvml
            pynvml.nvmlInit()
            self.nvml, self.handle = pynvml, pynvml.nvmlDeviceGetHandleByIndex(0)
        except Exception:  # noqa: BLE001: no library, no driver
            self.nvml = None

    def __call__(self):
        if self.nvml is None:
            return None, None
        clock = self.nvml.nvmlDeviceGetClockInfo(self.handle, self.nvml.NVML_CLOCK_SM)
        try:
            field = self.nvml.nvmlDeviceGetFieldValues(self.handle, [186])[0]  # NVML_FI_DEV_POWER_INSTANT
            power = field.value.uiVal / 1e3
        except Exception:  # noqa: BLE001: drivers before 530
            power = self.nvml.nvmlDeviceGetPowerUsage(self.handle) / 1e3
        return clock, power


class CudaBench:
    def __init__(self, torch):
        self.torch, self.meter = torch, Meter()
        self.flush = torch.empty(1 << 30, dtype=torch.uint8, device="cuda")

    def between(self, work):
        return between_events(self.torch, work)

    def alone_us(self, work, repeats=5):
        for i in range(2):
            work(i)
        times = []
        for i in range(repeats):
            self.torch.cuda.synchronize()
            time.sleep(0.01)
            self.flush.zero_()
            begin, end = self.between(lambda: work(i))
            self.torch.cuda.synchronize()
            times.append(begin.elapsed_time(end) * 1e3)
        return statistics.median(times)

    def row_us(self, work, guess_us, seconds=0.5):
        """(microseconds of one of many in a row in the second half, clock, power)."""
        self.torch.cuda.synchronize()
        count = max(4, round(seconds / 2 * 1e6 / max(guess_us, 5)))
        first = self.between(lambda: [work(i) for i in range(count)])
        second = self.between(lambda: [work(i) for i in range(count)])
        first[1].synchronize()
        states = []
        for _ in range(3):
            time.sleep(seconds / 10)
            if not second[1].query():
                states.append(self.meter())
        self.torch.cuda.synchronize()
        return second[0].elapsed_time(second[1]) * 1e3 / count, *middle_of(states)

    def graph(self, work):
        self.torch.cuda.synchronize()
        graph = self.torch.cuda.CUDAGraph()
        with self.torch.cuda.graph(graph):
            work(0)
        return lambda _: graph.replay()


def middle_of(states):
    columns = list(zip(*states)) or [(), ()]
    return tuple(round(statistics.median(known)) if (known := [v for v in c if v is not None]) else "" for c in columns)


def normal(torch, *shape, **more):
    return torch.randn(*shape, device="cuda", dtype=torch.bfloat16, **more)


def sets_of(element_bytes):
    return max(1, min(6, round(ROTATE_BYTES / element_bytes)))


# GEMMs: y = x w' (TN), dx = dy w (NN), dw += dy' x (NT).

def gemm_works(torch, tokens, out, inner):
    """[(cells, work)] of one linear layer in its three passes; weight gradients in BF16 and added to FP32."""
    sets = sets_of(2 * (tokens * (out + inner) + out * inner))
    x = [normal(torch, tokens, inner) for _ in range(sets)]
    dy = [normal(torch, tokens, out) for _ in range(sets)]
    w = [normal(torch, out, inner) for _ in range(sets)]
    y, dx, dw = torch.empty_like(dy[0]), torch.empty_like(x[0]), torch.empty_like(w[0])
    main = [torch.zeros(out, inner, device="cuda", dtype=torch.float32) for _ in range(sets)]
    accumulate = accumulator(torch)

    def cells(name, layout, m, n, k, **more):
        return {"class": "gemm", "kernel": name, "precision": "bf16", "groups": 1, "m": m, "n": n, "k": k, "layout": layout,
                "out": "bf16", "acc": "False", **more}

    return [
        (cells("torch.mm TN", "TN", tokens, out, inner), lambda i: torch.mm(x[i % sets], w[i % sets].t(), out=y)),
        (cells("torch.mm NN", "NN", tokens, inner, out), lambda i: torch.mm(dy[i % sets], w[i % sets], out=dx)),
        (cells("torch.mm NT", "NT", out, inner, tokens), lambda i: torch.mm(dy[i % sets].t(), x[i % sets], out=dw)),
        (cells("torch.addmm NT into fp32", "NT", out, inner, tokens, out="fp32", acc="True"),
         lambda i: accumulate(main[i % sets], dy[i % sets].t(), x[i % sets])),
    ]


def accumulator(torch):
    def fused(c, a, b):
        torch.ops.aten.addmm.dtype_out(c, a, b, torch.float32, out=c)
    return fused


def measure_gemm(torch, bench):
    for tokens, out, inner in ((4096, 4096, 4096), (4096, 1536, 4096), (8192, 2048, 2048), (4096, 6144, 4096),
                               (4096, 14336, 4096), (4096, 4096, 14336), (4096, 576, 7168), (4096, 8192, 8192),
                               (4096, 7168, 16384), (4096, 36864, 7168), (16384, 7168, 2048), (16384, 24576, 1536),
                               (8192, 28672, 8192), (4096, 128256, 8192), (32768, 10240, 8192), (2048, 7168, 2048)):
        for cells, work in gemm_works(torch, tokens, out, inner):
            yield from both_states(bench, cells, work)
        torch.cuda.empty_cache()


def measure_fp8(torch, bench):
    one = torch.ones((), device="cuda")
    for m, n, k in ((4096, 4096, 4096), (4096, 7168, 2048), (8192, 8192, 8192), (4096, 36864, 7168), (16384, 7168, 4096),
                    (16384, 28672, 8192)):
        sets = sets_of(m * k + n * k)
        a, b = ([normal(torch, rows, k).to(torch.float8_e4m3fn) for _ in range(sets)] for rows in (m, n))
        cells = {"class": "gemm", "kernel": "torch._scaled_mm, a scale per tensor", "precision": "fp8", "groups": 1, "m": m,
                 "n": n, "k": k, "layout": "TN", "out": "bf16", "acc": "False"}
        yield from both_states(bench, cells, lambda i, a=a, b=b, sets=sets: torch._scaled_mm(
            a[i % sets], b[i % sets].t(), one, one, out_dtype=torch.bfloat16, use_fast_accum=True))


def per_expert(torch, works, streams):
    """`works` one after the other, dealt to so many streams, as TransformerEngine does."""
    side = [torch.cuda.Stream() for _ in range(streams)]

    def run(_):
        main = torch.cuda.current_stream()
        for stream in side:
            stream.wait_stream(main)
        for i, work in enumerate(works):
            with torch.cuda.stream(side[i % streams]):
                work()
        for stream in side:
            main.wait_stream(stream)
    return run


def measure_grouped(torch, bench):
    accumulate = accumulator(torch)
    for groups, rows, out, inner in ((8, 4096, 4096, 2048), (16, 1024, 3072, 5120), (32, 256, 3072, 5120),
                                     (32, 1024, 4096, 7168), (64, 512, 2048, 7168), (128, 256, 1536, 4096),
                                     (128, 64, 1536, 2048), (8, 1024, 28672, 4096)):
        x, dy = normal(torch, groups, rows, inner), normal(torch, groups, rows, out)
        w = normal(torch, groups, out, inner)
        y, dx = torch.empty_like(dy), torch.empty_like(x)
        main = torch.zeros(groups, out, inner, device="cuda", dtype=torch.float32)
        each = range(groups)
        passes = [
            ("fwd", rows * groups, out, inner, False, [lambda g=g: torch.mm(x[g], w[g].t(), out=y[g]) for g in each]),
            ("bwd_grad_act", rows * groups, inner, out, False, [lambda g=g: torch.mm(dy[g], w[g], out=dx[g]) for g in each]),
            ("bwd_grad_w", rows * groups, out, inner, True,
             [lambda g=g: accumulate(main[g], dy[g].t(), x[g]) for g in each])]
        for layout, m, n, k, acc, works in passes:
            cells = {"class": "grouped_gemm", "precision": "bf16", "groups": groups, "m": m, "n": n, "k": k,
                     "layout": layout, "acc": str(acc), "out": "fp32" if acc else "bf16", "grouping": "per_expert"}
            run = per_expert(torch, works, 4)
            yield from both_states(bench, {**cells, "kernel": "torch.mm per expert, 4 streams"}, run)
            try:
                captured = bench.graph(run)
            except RuntimeError as error:
                tell(f"graph of {cells}: {error}")
                continue
            yield from both_states(bench, {**cells, "kernel": "torch.mm per expert, 4 streams, CUDA graph",
                                           "grouping": "per_expert_graph"}, captured)
        ends = torch.arange(1, groups + 1, device="cuda", dtype=torch.int32) * rows
        flat, wt = x.reshape(groups * rows, inner), w.transpose(1, 2)
        fused = {"class": "grouped_gemm", "kernel": "torch._grouped_mm", "precision": "bf16", "groups": groups,
                 "m": groups * rows, "n": out, "k": inner, "layout": "fwd", "acc": "False", "out": "bf16",
                 "grouping": "fused"}
        yield from both_states(bench, fused, lambda _: torch._grouped_mm(flat, wt, offs=ends))
        del x, dy, w, y, dx, main, flat, wt, passes
        torch.cuda.empty_cache()


def measure_attention(torch, bench):
    backends = torch.nn.attention.SDPBackend
    for heads, kv, seq_len, qk_dim, v_dim in ((4, 4, 4096, 128, 128), (8, 8, 4096, 128, 128), (16, 16, 4096, 128, 128),
                                              (32, 32, 4096, 128, 128), (64, 64, 4096, 128, 128), (128, 128, 4096, 128, 128),
                                              (16, 16, 4096, 192, 128), (64, 64, 4096, 192, 128), (128, 128, 4096, 192, 128),
                                              (32, 32, 8192, 128, 128), (8, 8, 32768, 128, 128), (16, 16, 32768, 128, 128),
                                              (8, 8, 131072, 128, 128), (64, 64, 4096, 64, 64)):
        for name, backend in (("cuDNN", backends.CUDNN_ATTENTION), ("flash", backends.FLASH_ATTENTION)):
            if name == "flash" and (qk_dim != v_dim or seq_len > 32768):
                continue
            q = normal(torch, 1, heads, seq_len, qk_dim, requires_grad=True)
            k = normal(torch, 1, kv, seq_len, qk_dim, requires_grad=True)
            v = normal(torch, 1, kv, seq_len, v_dim, requires_grad=True)

            def forward(_, q=q, k=k, v=v, backend=backend):
                with torch.nn.attention.sdpa_kernel(backend):
                    return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)

            out = forward(0)
            grad = torch.randn_like(out)
            cells = {"kernel": f"torch SDPA, {name}", "precision": "bf16", "sequences": 1, "heads": heads, "kv": kv,
                     "seq_len": seq_len, "qk_dim": qk_dim, "v_dim": v_dim, "causal": "yes"}
            with torch.no_grad():
                yield from both_states(bench, {"class": "attention_fwd", "pass": "fwd", **cells}, forward)
            yield from both_states(bench, {"class": "attention_bwd", "pass": "bwd", **cells},
                                   lambda _, out=out, q=q, k=k, v=v, grad=grad: torch.autograd.grad(
                                       out, (q, k, v), grad, retain_graph=True))


def measure_memory(torch, bench):
    functional = torch.nn.functional
    for tokens, hidden in ((4096, 4096), (8192, 7168), (32768, 4096)):
        x, y, z = (normal(torch, tokens, hidden) for _ in range(3))
        weight, element = normal(torch, hidden), 2 * tokens * hidden
        gate = normal(torch, tokens, 2 * hidden)
        order = torch.randperm(tokens, device="cuda")
        wide = torch.empty(tokens, hidden, device="cuda", dtype=torch.float32)
        for name, amount, work in (
                ("torch.copy_", 2 * element, lambda _: z.copy_(x)),
                ("torch.add", 3 * element, lambda _: torch.add(x, y, out=z)),
                ("torch.rms_norm", 2 * element, lambda _: functional.rms_norm(x, (hidden,), weight)),
                ("torch.silu_mul, two kernels", 5 * element, lambda _: functional.silu(gate[:, :hidden]) * gate[:, hidden:]),
                ("torch.index_select", 2 * element, lambda _: torch.index_select(x, 0, order)),
                ("torch.copy_ to fp32", 3 * element, lambda _: wide.copy_(x)),
                ("torch.zero_ fp32", 2 * element, lambda _: wide.zero_())):
            yield from both_states(bench, {"class": "memory", "kernel": name, "bytes": amount}, work)
    parameters = [torch.zeros(1 << 26, device="cuda", dtype=torch.float32, requires_grad=True) for _ in range(4)]
    for parameter in parameters:
        parameter.grad = torch.randn_like(parameter)
    count = sum(parameter.numel() for parameter in parameters)
    for fused in (True, False):
        step = torch.optim.AdamW(parameters, lr=1e-4, fused=fused, foreach=not fused).step
        name = "fused" if fused else "foreach"
        yield from both_states(bench, {"class": "memory", "kernel": f"torch.optim.AdamW {name}", "bytes": 28 * count},
                               lambda _, step=step: step())
    grads = [parameter.grad for parameter in parameters]
    yield from both_states(bench, {"class": "memory", "kernel": "torch._foreach_norm", "bytes": 4 * count},
                           lambda _: torch._foreach_norm(grads))
    yield from both_states(bench, {"class": "memory", "kernel": "torch._foreach_mul_", "bytes": 8 * count},
                           lambda _: torch._foreach_mul_(grads, 1.0))


def both_states(bench, cells, work):
    try:
        alone = bench.alone_us(work)
        row, clock, power = bench.row_us(work, alone)
    except (RuntimeError, NotImplementedError, TypeError, AttributeError) as error:
        tell(f"left out {cells.get('kernel')} {cells.get('m', '')} {cells.get('n', '')}: {str(error).splitlines()[0]}")
        return
    yield {**cells, "time_us": f"{alone:.3f}", "timing": "kernel", "state": "burst"}
    yield {**cells, "time_us": f"{row:.3f}", "timing": "kernel", "state": "sustained", "clock_mhz": clock, "power_w": power}


def power_loads(torch):
    """[(name, FLOPs, bytes, work)] of loads that differ in what they spend per second."""
    size = 8192
    a, b, c = (normal(torch, size, size) for _ in range(3))
    flops, traffic = 2 * size**3, 3 * 2 * size**2
    wide = normal(torch, 1 << 29)
    other = torch.empty_like(wide)
    narrow = [normal(torch, size, size).to(torch.float8_e4m3fn) for _ in range(2)]
    one = torch.ones((), device="cuda")
    zero = torch.zeros(size, size, device="cuda", dtype=torch.bfloat16)

    def product(_):
        torch.mm(a, b.t(), out=c)

    def copy(_):
        other.copy_(wide)

    def fp8(_):
        torch._scaled_mm(narrow[0], narrow[1].t(), one, one, out_dtype=torch.bfloat16, use_fast_accum=True)

    q, k, v = (normal(torch, 1, 128, 4096, 128) for _ in range(3))

    def attention(_):
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.CUDNN_ATTENTION):
            torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)

    loads = [("GEMM 8192 BF16", flops, traffic, product), ("copy 1 GiB", 0, 4 << 29, copy),
             ("GEMM 8192 FP8", flops, traffic / 1.5, fp8),
             ("attention 128 heads 4096", 2 * 128 * 4096**2 * 256 / 2, 8 * 128 * 4096 * 128, attention),
             ("GEMM 8192 BF16 of zeros", flops, traffic, lambda _: torch.mm(zero, zero, out=c)),
             ("GEMM 8192 BF16 and copy 1 GiB", flops, traffic + (4 << 29), lambda i: (product(i), copy(i))),
             ("two GEMMs 8192 BF16 and copy 1 GiB", 2 * flops, 2 * traffic + (4 << 29),
              lambda i: (product(i), product(i), copy(i)))]
    for share in (25, 50, 75, 90):
        loads.append((f"GEMM 8192 BF16, pause of {100 - share} %", flops, traffic,
                      lambda i, share=share: (product(i), torch.cuda._sleep(round(1.45e-3 * 1.7e9 * (100 / share - 1))))))
    return loads


def measure_power(torch, bench):
    torch.cuda.synchronize()
    time.sleep(1)
    clock, power = bench.meter()
    yield {"load": "idle", "flops": 0, "bytes": 0, "busy_us": 0, "period_us": 0, "clock_mhz": clock, "power_w": power}
    for name, flops, amount, work in power_loads(torch):
        try:
            alone = bench.alone_us(work)
            period, clock, power = bench.row_us(work, alone, 2.0)
        except RuntimeError as error:
            tell(f"left out {name}: {str(error).splitlines()[0]}")
            continue
        yield {"load": name, "flops": flops, "bytes": amount, "busy_us": f"{alone:.1f}", "period_us": f"{period:.1f}",
               "clock_mhz": clock, "power_w": power}
    # How long a cool chip keeps its boost clock: one product after another from rest, in groups of five.
    work = power_loads(torch)[0][3]
    torch.cuda.synchronize()
    time.sleep(1.5)
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(60)]
    for mark in marks:
        mark.record()
        for _ in range(5):
            work(0)
    torch.cuda.synchronize()
    for i in (0, 1, 2, 3, 5, 8, 12, 16, 24, 32, 48, 58):
        yield {"load": f"GEMM 8192 BF16 from rest, {marks[0].elapsed_time(marks[i]):.0f} ms on", "flops": 2 * 8192**3,
               "bytes": 6 * 8192**2, "busy_us": "", "period_us": f"{marks[i].elapsed_time(marks[i + 1]) * 200:.1f}"}


def measure_launch(torch, bench):
    x = torch.zeros(64, device="cuda", dtype=torch.bfloat16)
    a, b = normal(torch, 64, 64), normal(torch, 64, 64)
    c = torch.empty_like(a)
    for name, work in (("add, eager", lambda: x.add_(1)), ("mm, eager", lambda: torch.mm(a, b, out=c))):
        for _ in range(200):
            work()
        torch.cuda.synchronize()
        begin = time.perf_counter()
        for _ in range(3000):
            work()
        torch.cuda.synchronize()
        yield {"what": name, "us_per_kernel": f"{(time.perf_counter() - begin) / 3000 * 1e6:.3f}"}
        replay = bench.graph(lambda _, work=work: [work() for _ in range(1000)])
        replay(0)
        torch.cuda.synchronize()
        begin, end = bench.between(lambda: [replay(0) for _ in range(5)])
        torch.cuda.synchronize()
        yield {"what": name.replace("eager", "in a CUDA graph"), "us_per_kernel": f"{begin.elapsed_time(end) / 5:.3f}"}


TABLES = (("power", POWER_COLUMNS, [measure_power]), ("launch", LAUNCH_COLUMNS, [measure_launch]),
          ("kernels", COLUMNS, [measure_gemm, measure_grouped, measure_attention, measure_memory, measure_fp8]))


def tell(text):
    print(f"measure_sustained: {text}", file=sys.stderr, flush=True)


def main(argv=None, torch=None, make_bench=CudaBench):
    """`torch` and `make_bench` are put in by the test, which has no GPU."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="measured", help="folder for the tables")
    parser.add_argument("--budget-s", type=float, default=300, help="seconds after which the rest is left out")
    parser.add_argument("--device-name", default="measured", help="for the device column")
    options = parser.parse_args(argv)
    if torch is None:
        try:
            import torch
        except ImportError:
            tell("PyTorch is not installed")
            return 2
        if not torch.cuda.is_available():
            tell("PyTorch sees no GPU")
            return 2
    about = (f"measured for this project on one {torch.cuda.get_device_name()}, torch {torch.__version__}, CUDA "
             f"{torch.version.cuda}, Python {platform.python_version()}, {datetime.date.today().isoformat()}, script "
             "tools/calibrate/measure_sustained.py")
    os.makedirs(options.out, exist_ok=True)
    bench, start = make_bench(torch), time.monotonic()
    for name, columns, parts in TABLES:
        path = os.path.join(options.out, name + ".csv")
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
            writer.writeheader()
            for part in parts:
                tell(f"{part.__name__} at {time.monotonic() - start:.0f} s")
                try:
                    for cells in part(torch, bench):
                        writer.writerow({"device": options.device_name, "source": about, **cells})
                        file.flush()
                        if time.monotonic() - start > options.budget_s:
                            tell(f"the budget is spent in {part.__name__}")
                            break
                except RuntimeError as error:  # one part of a table must not cost the others
                    tell(f"{part.__name__} ends: {error}")
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
