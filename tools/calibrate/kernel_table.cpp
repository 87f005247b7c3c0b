#include "kernel_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "base/diagnostics.hpp"
#include "cluster/device_attention.hpp"
#include "cluster/device_model.hpp"

namespace moesim {

namespace {

// Comma-separated with double quotes around cells that hold commas.
std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  return cells;
}

using Row = std::map<std::string, std::string>;

int64_t integer(const Row& row, const std::string& column) {
  const std::string& text = row.at(column);
  return text.empty() ? 0 : std::stoll(text);
}

void fill_gemm(const Row& row, MeasuredKernel& out) {
  Kernel& kernel = out.kernel;
  kernel.kind = row.at("class") == "gemm" ? KernelKind::gemm : KernelKind::grouped_gemm;
  kernel.precision = row.at("precision") == "fp8" ? Precision::fp8 : Precision::bf16;
  kernel.m = integer(row, "m");
  kernel.n = integer(row, "n");
  kernel.k = integer(row, "k");
  kernel.groups = static_cast<int>(std::max<int64_t>(1, integer(row, "groups")));
  const double m = static_cast<double>(kernel.m), n = static_cast<double>(kernel.n), k = static_cast<double>(kernel.k);
  const double element_bytes = kernel.precision == Precision::fp8 ? 1 : 2;
  kernel.flops = 2 * m * n * k;
  kernel.bytes = element_bytes * (m * k + n * k * kernel.groups) + 2 * m * n;  // BF16 out
  if (kernel.kind == KernelKind::grouped_gemm) {
    out.rows.assign(static_cast<size_t>(kernel.groups), static_cast<int>(kernel.m / kernel.groups));
  }
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
                 static_cast<double>(kernel.key_length) * (kernel.qk_dim + kernel.v_dim) * (kernel.causal ? 0.5 : 1) *
                 (kernel.pass == Pass::forward ? 1 : 2.5);
  kernel.bytes =
      4.0 * kernel.sequences * kernel.heads * static_cast<double>(kernel.query_length) * (kernel.qk_dim + kernel.v_dim);
}

MeasuredKernel measured(const Row& row) {
  MeasuredKernel out;
  out.name = row.at("class") + " " + row.at("precision");
  out.device = row.at("device");
  out.implementation = row.at("kernel");
  out.host_timed = row.at("timing") == "host";
  out.fitted = row.at("fit") == "yes";
  out.warm = row.at("fit") == "warm";
  // FlashAttention-2 on Hopper is a device model of its own, as if the chip were another.
  if (out.implementation == "FlashAttention-2" && out.device == "h100-sxm") out.device += "/fa2";
  out.sms = static_cast<int>(integer(row, "sms"));
  if (row.at("class").find("gemm") != std::string::npos) {
    fill_gemm(row, out);
  } else {
    fill_attention(row, out);
  }
  const double flops = out.kernel.flops * (out.both_passes ? 3.5 / 2.5 : 1);
  out.seconds = flops / (std::stod(row.at("tflops")) * 1e12);
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

std::vector<MeasuredKernel> read_kernel_table(const std::string& csv_file) {
  std::ifstream in(csv_file);
  std::string line;
  if (!std::getline(in, line)) throw InputError(fmt::format("{}: cannot be read", csv_file));
  const std::vector<std::string> header = cells_of(line);
  std::vector<MeasuredKernel> rows;
  while (std::getline(in, line)) {
    const std::vector<std::string> cells = cells_of(line);
    if (cells.size() != header.size()) throw InputError(fmt::format("{}: row {}: cells", csv_file, rows.size() + 2));
    Row row;
    for (size_t i = 0; i < header.size(); ++i) row[header[i]] = cells[i];
    rows.push_back(measured(row));
  }
  return rows;
}

double predicted_s(Device device, const MeasuredKernel& row, double host_timing_s) {
  if (row.sms > 0) {  // the other SMs did something else
    const double share = static_cast<double>(row.sms) / device.sms;
    device.peak_bf16_flops *= share;
    device.peak_fp8_flops *= share;
    device.sms = row.sms;
  }
  const double hidden = row.host_timed ? -host_timing_s : device.launch_s * row.kernel.launches;
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
                                          const std::map<std::string, Device>& devices, const HostTiming& timing,
                                          const std::function<bool(const MeasuredKernel&)>& keep) {
  std::map<std::string, std::vector<double>> errors;
  for (const MeasuredKernel& row : rows) {
    if (!keep(row)) continue;
    const auto host = timing.find(row.device);
    const double seconds = predicted_s(devices.at(row.device), row, host == timing.end() ? 0 : host->second);
    errors[row.device + " " + row.name].push_back(100 * (seconds / row.seconds - 1));
  }
  std::map<std::string, Residual> table;
  for (auto& [name, signed_errors] : errors) {
    Residual& residual = table[name];
    residual.rows = static_cast<int>(signed_errors.size());
    residual.bias_percent = quantile(signed_errors, 0.5);
    for (double& error : signed_errors) error = std::abs(error);
    residual.median_percent = quantile(signed_errors, 0.5);
    residual.p90_percent = quantile(signed_errors, 0.9);
  }
  return table;
}

}  // namespace moesim
