#include "measured/kernel_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/diagnostics.hpp"
#include "cluster/device_attention.hpp"
#include "cluster/device_model.hpp"
#include "measured/table_row.hpp"

namespace moesim {

namespace {

using Row = TableRow;

int64_t integer(const Row& row, const std::string& column) {
  return static_cast<int64_t>(row.number(column));
}

void fill_gemm(const Row& row, MeasuredKernel& out) {
  Kernel& kernel = out.kernel;
  kernel.kind = row.at("class") == "gemm" ? KernelKind::gemm : KernelKind::grouped_gemm;
  kernel.precision = row.at("precision") == "fp8" ? Precision::fp8 : Precision::bf16;
  kernel.m = integer(row, "m");
  kernel.n = integer(row, "n");
  kernel.k = integer(row, "k");
  kernel.groups = static_cast<int>(std::max<int64_t>(1, integer(row, "groups")));
  const double m = static_cast<double>(kernel.m), n = static_cast<double>(kernel.n),
               k = static_cast<double>(kernel.k);
  const double element_bytes = kernel.precision == Precision::fp8 ? 1 : 2;
  kernel.flops = 2 * m * n * k;
  kernel.bytes = element_bytes * (m * k + n * k * kernel.groups) + 2 * m * n;  // BF16 out
  if (kernel.kind == KernelKind::grouped_gemm) {
    out.rows.assign(static_cast<size_t>(kernel.groups), static_cast<int>(kernel.m / kernel.groups));
  }
}

void fill_memory(const Row& row, MeasuredKernel& out) {
  out.kernel.kind = KernelKind::memory;
  out.kernel.bytes = row.number("bytes");
}

void fill_attention(const Row& row, MeasuredKernel& out) {
  Kernel& kernel = out.kernel;
  kernel.kind = KernelKind::attention;
  kernel.pass = row.at("pass") == "fwd" ? Pass::forward : Pass::backward_data;
  out.both_passes = row.at("pass") == "fwd+bwd";
  kernel.sequences = static_cast<int>(integer(row, "sequences"));
  kernel.heads = kernel.kv_heads = static_cast<int>(integer(row, "heads"));
  kernel.query_length = kernel.key_length = integer(row, "seq_len");
  kernel.qk_dim = static_cast<int>(integer(row, "qk_dim"));
  kernel.v_dim = static_cast<int>(integer(row, "v_dim"));
  kernel.causal = row.at("causal") == "yes";
  // As every source counts: a causal mask halves the work, to the last token.
  kernel.flops = 2.0 * kernel.sequences * kernel.heads * static_cast<double>(kernel.query_length) *
                 static_cast<double>(kernel.key_length) * (kernel.qk_dim + kernel.v_dim) *
                 (kernel.causal ? 0.5 : 1) * (kernel.pass == Pass::forward ? 1 : 2.5);
  kernel.bytes = 4.0 * kernel.sequences * kernel.heads * static_cast<double>(kernel.query_length) *
                 (kernel.qk_dim + kernel.v_dim);
}

MeasuredKernel measured(const Row& row) {
  MeasuredKernel out;
  const std::string kind = row.at("class");
  out.name = kind + (row.at("precision").empty() ? "" : " " + row.at("precision"));
  out.device = row.at("device");
  out.implementation = row.at("kernel");
  out.host_timed = row.at("timing") == "host";
  out.fitted = row.at("fit") != "no" && row.at("fit") != "warm";
  out.warm = row.at("fit") == "warm";
  // FlashAttention-2 on Hopper is a device model of its own, as if the chip were another.
  if (out.implementation == "FlashAttention-2" && out.device == "h100-sxm") out.device += "/fa2";
  out.sms = static_cast<int>(integer(row, "sms"));
  if (kind == "gemm" || kind == "grouped_gemm") {
    fill_gemm(row, out);
  } else if (kind.starts_with("attention")) {
    fill_attention(row, out);
  } else if (kind == "memory") {
    fill_memory(row, out);
  } else {
    row.problem(
        "class",
        fmt::format(
            "expected gemm, grouped_gemm, attention_fwd, attention_bwd, attention_fwd_bwd or "
            "memory, got \"{}\"",
            kind));
    return out;
  }
  const double time_us = row.number("time_us"), tflops = row.number("tflops");
  if (time_us <= 0 && tflops <= 0) row.problem("time_us", "neither time_us nor tflops is given");
  const double flops = out.kernel.flops * (out.both_passes ? 3.5 / 2.5 : 1);
  out.seconds = time_us > 0 ? time_us * 1e-6 : flops / (tflops * 1e12);
  return out;
}

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  const double place = q * static_cast<double>(values.size() - 1);
  const size_t low = static_cast<size_t>(place);
  const size_t high = std::min(low + 1, values.size() - 1);
  return values[low] + (values[high] - values[low]) * (place - static_cast<double>(low));
}

}  // namespace

std::vector<MeasuredKernel> read_kernel_table(const std::string& csv_file, const Files& files) {
  std::vector<MeasuredKernel> rows;
  read_table(csv_file, files, "class", [&](const Row& row) { rows.push_back(measured(row)); });
  return rows;
}

double predicted_s(Device device, const MeasuredKernel& row) {
  if (row.sms > 0) {  // the other SMs did something else
    const double share = static_cast<double>(row.sms) / device.sms;
    device.peak_bf16_flops *= share;
    device.peak_fp8_flops *= share;
    device.sms = row.sms;
  }
  const double hidden =
      row.host_timed ? -device.host_timing_s : device.launch_s * row.kernel.launches;
  double seconds = kernel_seconds(device, row.kernel, row.rows) - hidden;
  if (row.both_passes) {
    Kernel forward = row.kernel;
    forward.pass = Pass::forward;
    forward.flops /= 2.5;
    seconds += kernel_seconds(device, forward) - hidden;
  }
  return seconds;
}

std::map<std::string, Residual> residuals(const std::vector<MeasuredKernel>& rows,
                                          const std::map<std::string, Device>& devices,
                                          const std::function<bool(const MeasuredKernel&)>& keep) {
  std::map<std::string, std::vector<double>> errors;
  for (const MeasuredKernel& row : rows) {
    if (!keep(row)) continue;
    const double seconds = predicted_s(devices.at(row.device), row);
    errors[row.device + " " + row.name].push_back(100 * (seconds / row.seconds - 1));
  }
  std::map<std::string, Residual> table;
  for (auto& [name, signed_errors] : errors) table[name] = summarise(signed_errors);
  return table;
}

Residual summarise(std::vector<double> errors) {
  Residual residual;
  residual.rows = static_cast<int>(errors.size());
  if (errors.empty()) return residual;
  residual.bias_percent = quantile(errors, 0.5);
  for (double& error : errors) error = std::abs(error);
  residual.median_percent = quantile(errors, 0.5);
  residual.p90_percent = quantile(errors, 0.9);
  return residual;
}

}  // namespace moesim
