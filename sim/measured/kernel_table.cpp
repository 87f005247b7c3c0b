#include "measured/kernel_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/diagnostics.hpp"
#include "base/statistics.hpp"
#include "cluster/device_attention.hpp"
#include "cluster/device_model.hpp"
#include "cluster/device_power.hpp"
#include "measured/table_row.hpp"

namespace moesim {

namespace {

using Row = TableRow;

constexpr int kMostOfAShape = 1 << 24;  // beyond any kernel that runs

int64_t integer(const Row& row, const std::string& column) {
  return row.integer(column, kMostOfAShape);
}

// Calls that a benchmark times where its table does not say: some tens, so that the first
// milliseconds count.
constexpr int kInARow = 75;

bool accumulates(const Row& row) { return row.at("acc") == "True" || row.at("acc") == "yes"; }

// Counts the bytes of each element of the result: written once, and read before where the product
// is added to it. A grouped weight gradient that does not say is between both.
double out_bytes(const Row& row) {
  const double element = row.at("out") == "fp32" ? 4 : 2;
  if (accumulates(row)) return 2 * element;
  if (row.at("layout") == "bwd_grad_w" && row.at("acc").empty()) return 6;
  return element;
}

void fill_gemm(const Row& row, MeasuredKernel& out) {
  Kernel& kernel = out.kernel;
  kernel.kind = row.at("class") == "gemm" ? KernelKind::gemm : KernelKind::grouped_gemm;
  kernel.precision = row.at("precision") == "fp8" ? Precision::fp8 : Precision::bf16;
  kernel.m = static_cast<double>(integer(row, "m"));
  kernel.n = static_cast<double>(integer(row, "n"));
  kernel.k = static_cast<double>(integer(row, "k"));
  kernel.groups = static_cast<int>(std::max<int64_t>(1, integer(row, "groups")));
  const double m = kernel.m, n = kernel.n, k = kernel.k;
  const double element_bytes = kernel.precision == Precision::fp8 ? 1 : 2;
  kernel.flops = 2 * m * n * k;
  const std::string layout = row.at("layout");
  if (kernel.kind == KernelKind::gemm) {
    kernel.pass = layout == "NT"   ? Pass::backward_weight
                  : layout == "NN" ? Pass::backward_data
                                   : Pass::forward;
    kernel.bytes = element_bytes * (m * k + n * k) + out_bytes(row) * m * n;
    return;
  }
  out.rows.assign(static_cast<size_t>(kernel.groups), static_cast<int>(kernel.m / kernel.groups));
  kernel.per_expert = row.at("grouping").empty() ? !layout.empty() : row.at("grouping") != "single";
  if (kernel.per_expert) kernel.launches = kernel.groups;
  if (layout != "bwd_grad_w") {
    kernel.pass = layout == "bwd_grad_act" ? Pass::backward_data : Pass::forward;
    kernel.bytes = element_bytes * (m * k + n * k * kernel.groups) + 2 * m * n;
    return;
  }
  // The rows are summed over; n and k are the sides of each group's gradient.
  kernel.pass = Pass::backward_weight;
  kernel.rows_are_k = true;
  kernel.m = n;
  kernel.n = k;
  kernel.k = m;
  kernel.bytes = element_bytes * m * (n + k) + out_bytes(row) * n * k * kernel.groups;
}

void fill_memory(const Row& row, MeasuredKernel& out) {
  out.kernel.kind = KernelKind::memory;
  out.kernel.bytes = row.number("bytes");
}

void fill_attention(const Row& row, MeasuredKernel& out) {
  Kernel& kernel = out.kernel;
  kernel.kind = KernelKind::attention;
  const std::string kind = row.at("class");
  kernel.pass = kind == "attention_fwd" ? Pass::forward : Pass::backward_data;
  out.both_passes = kind == "attention_fwd_bwd";
  kernel.sequences = static_cast<int>(integer(row, "sequences"));
  kernel.heads = kernel.kv_heads = static_cast<int>(integer(row, "heads"));
  if (integer(row, "kv") > 0) kernel.kv_heads = static_cast<int>(integer(row, "kv"));
  kernel.query_length = kernel.key_length = integer(row, "seq_len");
  kernel.qk_dim = static_cast<int>(integer(row, "qk_dim"));
  kernel.v_dim = static_cast<int>(integer(row, "v_dim"));
  kernel.causal = row.at("causal") == "yes";
  // As every source counts: a causal mask halves the work, to the last token.
  kernel.flops = 2.0 * kernel.sequences * kernel.heads * static_cast<double>(kernel.query_length) *
                 static_cast<double>(kernel.key_length) * (kernel.qk_dim + kernel.v_dim) *
                 (kernel.causal ? 0.5 : 1) * (kernel.pass == Pass::forward ? 1 : 2.5);
  kernel.bytes = 2.0 * kernel.sequences * static_cast<double>(kernel.query_length) *
                 (kernel.heads + kernel.kv_heads) * (kernel.qk_dim + kernel.v_dim);
}

MeasuredKernel measured(const Row& row) {
  MeasuredKernel out;
  const std::string kind = row.at("class");
  out.name = kind + (row.at("precision").empty() ? "" : " " + row.at("precision"));
  out.device = row.at("device");
  out.implementation = row.at("kernel");
  out.host_timed = row.at("timing") == "host";
  out.sustained = row.at("state") != "burst";
  out.in_a_row = row.at("in_a_row").empty() ? kInARow : static_cast<int>(integer(row, "in_a_row"));
  out.fitted = row.at("fit") != "no" && row.at("fit") != "warm";
  out.warm = row.at("fit") == "warm";
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
  const auto price = [&](const Kernel& kernel) {
    return row.sustained ? sustained_seconds(device, kernel, row.rows, row.in_a_row)
                         : kernel_seconds(device, kernel, row.rows);
  };
  double seconds = price(row.kernel) - hidden;
  if (row.both_passes) {
    Kernel forward = row.kernel;
    forward.pass = Pass::forward;
    forward.flops /= 2.5;
    seconds += price(forward) - hidden;
  }
  // The host issues calls one after another, whatever clock times them.
  if (row.sustained && row.kernel.kind == KernelKind::attention)
    seconds = std::max(seconds, device.host_attention_call_s);
  else if (row.sustained && row.host_timed)
    seconds =
        std::max(seconds, (row.kernel.per_expert ? row.kernel.groups : 1) * device.host_call_s);
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
  residual.bias_percent = median(errors);
  for (double& error : errors) error = std::abs(error);
  residual.median_percent = median(errors);
  residual.p90_percent = quantile(errors, 0.9);
  return residual;
}

}  // namespace moesim
