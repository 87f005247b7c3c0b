#include "foreign/kineto_profile.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "base/diagnostics.hpp"
#include "base/text.hpp"

namespace moesim {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostText = size_t{4} << 30;  // bytes of a profile, unpacked

// A part of a kernel's name, in lower case, and what such kernels do; the first that occurs counts.
// Names as PyTorch, TransformerEngine, cuBLAS, CUTLASS, FlashAttention, cuDNN, Triton, DeepEP,
// HybridEP, NCCL and RCCL give them.
struct NamePart {
  const char* part;
  ProfileClass is;
};
constexpr NamePart kNames[] = {
    {"deep_ep", ProfileClass::expert_parallel},
    {"hybrid_ep", ProfileClass::expert_parallel},
    {"internode::", ProfileClass::expert_parallel},
    {"intranode::", ProfileClass::expert_parallel},
    {"alltoall", ProfileClass::expert_parallel},
    {"all_to_all", ProfileClass::expert_parallel},
    {"nccl", ProfileClass::collectives},
    {"rccl", ProfileClass::collectives},
    {"flash", ProfileClass::attention},
    {"fmha", ProfileClass::attention},
    {"attention", ProfileClass::attention},
    {"sdpa", ProfileClass::attention},
    {"adam", ProfileClass::optimizer},
    {"multi_tensor", ProfileClass::optimizer},
    {"multitensor", ProfileClass::optimizer},
    {"permute", ProfileClass::router_and_permutation},
    {"sort_chunks", ProfileClass::router_and_permutation},
    {"topk", ProfileClass::router_and_permutation},
    {"top_k", ProfileClass::router_and_permutation},
    {"router", ProfileClass::router_and_permutation},
    {"moe_align", ProfileClass::router_and_permutation},
    {"gemm", ProfileClass::matrix_products},
    {"nvjet", ProfileClass::matrix_products},
    {"cutlass", ProfileClass::matrix_products},
    {"cublas", ProfileClass::matrix_products},
    {"xmma", ProfileClass::matrix_products},
    {"splitkreduce", ProfileClass::matrix_products},
    {"cijk_", ProfileClass::matrix_products},
    {"matmul", ProfileClass::matrix_products},
};

// A part of the description of a process group: PyTorch's mesh dimensions and Megatron-Core's
// names.
constexpr NamePart kGroups[] = {
    {"expert_data", ProfileClass::data_parallel},
    {"expert_tensor", ProfileClass::tensor_parallel},
    {"expert", ProfileClass::expert_parallel},
    {"ep", ProfileClass::expert_parallel},
    {"tensor_and_context", ProfileClass::tensor_parallel},
    {"tensor", ProfileClass::tensor_parallel},
    {"tp", ProfileClass::tensor_parallel},
    {"data", ProfileClass::data_parallel},
    {"fsdp", ProfileClass::data_parallel},
    {"dp", ProfileClass::data_parallel},
    {"context", ProfileClass::context_parallel},
    {"cp", ProfileClass::context_parallel},
    {"pipeline", ProfileClass::pipeline},
    {"pp", ProfileClass::pipeline},
};

// Whole words only for names of two letters.
bool occurs(std::string_view part, std::string_view text) {
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) {
    const auto letter = [&](size_t i) {
      return i < text.size() && text[i] >= 'a' && text[i] <= 'z';
    };
    if (part.size() > 2 || ((at == 0 || !letter(at - 1)) && !letter(at + part.size()))) return true;
  }
  return false;
}

std::string unpacked(const std::string& path) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) throw InputError(fmt::format("{}: no such file", path));
  std::string text;
  std::vector<char> part(1 << 20);
  while (true) {
    const int read = gzread(file.get(), part.data(), static_cast<unsigned>(part.size()));
    if (read < 0) throw InputError(fmt::format("{}: cannot be unpacked", path));
    if (read == 0) return text;
    text.append(part.data(), static_cast<size_t>(read));
    if (text.size() > kMostText)
      throw InputError(fmt::format("{}: more than {} GB", path, kMostText >> 30));
  }
}

struct Span {
  double begin = 0, end = 0;  // microseconds
  ProfileClass is = ProfileClass::idle;
};

struct Events {
  std::vector<Span> kernels;
  std::map<std::string, Span> gpu_steps, host_steps;  // a step is marked once for each stream
  std::set<long long> devices;
};

double number(const Json& event, const char* key, const std::string& path) {
  const auto found = event.find(key);
  if (found == event.end() || !found->is_number())
    throw InputError(fmt::format("{}: an event of the GPU without a number \"{}\"", path, key));
  return found->get<double>();
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Takes what an event says of the GPU; of several devices only the first.
class EventReader {
 public:
  explicit EventReader(const std::string& path) : path_(path) {}

  void take(const Json& event) {
    if (!event.is_object() || text_of(event, "ph") != "X") return;
    const std::string category = lowercase(text_of(event, "cat"));
    const std::string name = text_of(event, "name");
    const bool step = name.starts_with("ProfilerStep#");
    if (step && (category == "gpu_user_annotation" || category == "user_annotation")) {
      auto& steps = category[0] == 'g' ? events_.gpu_steps : events_.host_steps;
      const Span mark = span(event, ProfileClass::idle);
      const auto [known, fresh] = steps.try_emplace(name, mark);
      known->second.begin = std::min(known->second.begin, mark.begin);
      known->second.end = std::max(known->second.end, mark.end);
      return;
    }
    if (category != "kernel" && category != "gpu_memcpy" && category != "gpu_memset") return;
    const auto found = event.find("args");
    const Json none = Json::object();
    const Json& args = found != event.end() && found->is_object() ? *found : none;
    const auto device = args.find("device");
    const long long of =
        device != args.end() && device->is_number_integer() ? device->get<long long>() : 0;
    events_.devices.insert(of);
    if (first_ < 0) first_ = of;
    if (of != first_) return;
    std::string group = text_of(args, "Process Group Description");
    if (group.empty()) group = text_of(args, "Process Group Name");
    const std::string collective = text_of(args, "Collective name");
    events_.kernels.push_back(
        span(event, class_of_kernel(collective.empty() ? name : "nccl " + collective, group)));
  }
  Events events() { return std::move(events_); }

 private:
  Span span(const Json& event, ProfileClass is) const {
    const double begin = number(event, "ts", path_);
    return {begin, begin + std::max(0.0, number(event, "dur", path_)), is};
  }

  const std::string& path_;
  Events events_;
  long long first_ = -1;
};

Events read_events(const std::string& path) {
  EventReader reader(path);
  bool has_events = false;
  // Events are dropped as they are read: a profile as a tree would take many times its size.
  const auto keep = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth == 1 && event == Json::parse_event_t::key && parsed == "traceEvents")
      has_events = true;
    if (depth != 2 || event != Json::parse_event_t::object_end) return true;
    reader.take(parsed);
    return false;
  };
  const std::string text = unpacked(path);
  try {
    const Json parsed = Json::parse(text, keep);
  } catch (const Json::exception& error) {
    throw InputError(fmt::format("{}: {}", path, error.what()));
  }
  Events events = reader.events();
  if (!has_events || events.kernels.empty())
    throw InputError(
        fmt::format("{}: no kernels of a GPU (expected \"traceEvents\" with events of the category "
                    "\"kernel\", as PyTorch's profiler writes them)",
                    path));
  return events;
}

// Divides every moment among the kernels that compute in it; where none does, it is the first
// class's that communicates.
void divide(const std::vector<Span>& kernels, double begin, double end, KinetoProfile& out) {
  struct Edge {
    double at;
    size_t is;
    int change;
  };
  std::vector<Edge> edges;
  for (const Span& kernel : kernels) {
    const double from = std::max(begin, kernel.begin), to = std::min(end, kernel.end);
    if (to <= from) continue;
    edges.push_back({from, static_cast<size_t>(kernel.is), 1});
    edges.push_back({to, static_cast<size_t>(kernel.is), -1});
  }
  std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) { return a.at < b.at; });
  std::array<int, kProfileClassCount> running{};
  int computing = 0;
  double before = begin;
  const auto share = [&](double until) {
    const double span = until - before;
    size_t blamed = kProfileClassCount - 1;
    for (size_t c = kProfileClassCount; c-- > 0;) {
      if (running[c] == 0) continue;
      out.busy[c] += span;
      if (computes(static_cast<ProfileClass>(c)))
        out.seconds[c] += span * running[c] / computing;
      else
        blamed = c;
    }
    if (computing == 0) out.seconds[blamed] += span;
    before = until;
  };
  for (const Edge& edge : edges) {
    share(edge.at);
    running[edge.is] += edge.change;
    if (computes(static_cast<ProfileClass>(edge.is))) computing += edge.change;
  }
  share(end);
}

}  // namespace

ProfileClass class_of_kernel(std::string_view name, std::string_view group) {
  const std::string low = lowercase(name), low_group = lowercase(group);
  ProfileClass is = ProfileClass::other_kernels;
  for (const NamePart& row : kNames) {
    if (low.find(row.part) == std::string::npos) continue;
    is = row.is;
    break;
  }
  if (is != ProfileClass::collectives) return is;
  for (const NamePart& row : kGroups)
    if (occurs(row.part, low_group)) return row.is;
  return is;
}

KinetoProfile read_kineto(const std::string& path, int steps) {
  const Events events = read_events(path);
  std::vector<Span> marked;
  for (const auto& [name, mark] : events.gpu_steps.empty() ? events.host_steps : events.gpu_steps)
    marked.push_back(mark);
  if (steps > 0 && !marked.empty())
    throw InputError(
        fmt::format("{}: marks {} steps itself: leave --steps out", path, marked.size()));
  const std::vector<Span>& bounds = marked.empty() ? events.kernels : marked;
  double begin = bounds[0].begin, end = bounds[0].end;
  for (const Span& span : bounds) {
    begin = std::min(begin, span.begin);
    end = std::max(end, span.end);
  }
  KinetoProfile out;
  out.steps = marked.empty() ? steps : static_cast<int>(marked.size());
  out.devices = static_cast<int>(events.devices.size());
  divide(events.kernels, begin, end, out);
  // Host marks of a step are no wider than what it launched: kernels run on behind the last.
  const double count = std::max(1, out.steps);
  const double scale = 1e-6 / count;
  out.step_s = (end - begin) * scale;
  for (double& seconds : out.seconds) seconds *= scale;
  for (double& seconds : out.busy) seconds *= scale;
  const auto inside = std::count_if(
      events.kernels.begin(), events.kernels.end(),
      [&](const Span& kernel) { return kernel.begin >= begin && kernel.begin < end; });
  out.kernels = static_cast<size_t>(static_cast<double>(inside) / count);
  return out;
}

}  // namespace moesim
