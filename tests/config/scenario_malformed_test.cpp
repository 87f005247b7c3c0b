// Wrong input of every kind, and word for word what the user reads about it.
#include "config/error_case.hpp"

using namespace moesim;
using namespace std::string_literals;

TEST_CASE("no YAML, or not the YAML we read") {
  check({
      {"empty file", "", "s.yaml: is empty"},
      {"only a comment", "# nothing here\n", "s.yaml: is empty"},
      {"NUL bytes", "workload: tiny\n\0\0"s,
       "s.yaml:2:1: holds a control character (0x00); is this a binary file?"},
      {"bytes that are not UTF-8", "workload: \xff\xfe",
       "s.yaml:1:11: is not UTF-8 text (byte 0xff); is this a binary file?"},
      {"a program",
       "\x7f"
       "ELF\x02\x01",
       "s.yaml:1:1: holds a control character (0x7f); is this a binary file?"},
      {"unclosed list", "workload: [tiny\n",
       "s.yaml:2:1: YAML syntax: end of sequence flow not found"},
      {"bad indentation", "workload: tiny\n platform: pod\n",
       "s.yaml:2:10: YAML syntax: illegal map value"},
      {"tab as indentation", "plan:\n\ttp: 1\n", "s.yaml:2:4: YAML syntax: illegal map value"},
      {"two documents", kScenario + "---\n" + kScenario,
       "s.yaml: holds more than one YAML document"},
      {"a list", "- workload: tiny\n", "s.yaml:1:1: expected a map of keys, got a list"},
      {"a text", "just words\n", "s.yaml:1:1: expected a map of keys, got \"just words\""},
      {"a tag", kScenario + "plan: !megatron {tp: 1}\n",
       "s.yaml:4:7: plan: YAML tags (\"!megatron\") are not supported"},
      {"a merge key", kScenario + "plan:\n  <<: {tp: 1}\n",
       "s.yaml:5:3: plan: merge keys (<<) are not supported; use base"},
      {"a map as key", plan("{tp: 1}: 2"), "s.yaml:4:8: plan: a key must be a name, got a map"},
      {"unknown alias", kScenario + "plan: *megatron\n",
       "s.yaml:4:7: YAML syntax: the referenced anchor is not defined"},
      {"alias to itself", kScenario + "plan: &p {tp: *p}\n",
       "s.yaml:4:11: plan.tp: expected an integer from 1 to 1000000 (tensor parallel), got "
       "nothing\n"
       "s.yaml:4:15: plan.tp: an alias cannot refer to what it stands in"},
      {"nested too deep", std::string(1000, '['),
       "s.yaml:1:17: is nested more than 32 levels deep"},
  });
}

TEST_CASE("wrong keys") {
  check({
      {"everything missing", "name: x\n",
       "s.yaml:1:1: workload: is missing: the model: a preset of workloads/, a file, a HuggingFace "
       "config.json, or a "
       "map\n"
       "s.yaml:1:1: platform: is missing: the cluster: a preset of platforms/, a file, or a map\n"
       "s.yaml:1:1: batch: is missing: what one step processes"},
      {"a key missing in a section", "workload: tiny\nplatform: pod\nbatch: {global_batch: 32}\n",
       "s.yaml:3:8: batch.sequence_length: is missing: tokens per sequence"},
      {"unknown section", kScenario + "plam: {tp: 1}\n",
       "s.yaml:4:1: plam: is not a known key (did you mean \"plan\"?)"},
      {"unknown key with a near name", plan("recompute_module: [mlp]"),
       "s.yaml:4:8: plan.recompute_module: is not a known key (did you mean "
       "\"recompute_modules\"?)"},
      {"unknown key with swapped letters",
       "workload: {base: tiny, exepts: 4}\nplatform: pod\n" + kBatch,
       "s.yaml:1:24: workload.exepts: is not a known key (did you mean \"experts\"?)"},
      {"unknown key without a near name", plan("colour: blue"),
       "s.yaml:4:8: plan.colour: is not a known key"},
      {"unknown key two levels down",
       "workload: tiny\nplatform: {base: pod, device: {smss: 4}}\n" + kBatch,
       "s.yaml:2:32: platform.device.smss: is not a known key (did you mean \"sms\"?)"},
      {"duplicate key", plan("tp: 1, tp: 2"),
       "s.yaml:4:15: plan.tp: is given twice (first in line 4)"},
      {"duplicate section", kScenario + "plan: {tp: 1}\nplan: {tp: 1}\n",
       "s.yaml:5:1: plan: is given twice (first in line 4)"},
  });
}

TEST_CASE("wrong types") {
  check({
      {"integer: a text", plan("tp: two"),
       "s.yaml:4:12: plan.tp: expected an integer, got \"two\""},
      {"integer: a fraction", plan("tp: 1.5"),
       "s.yaml:4:12: plan.tp: expected an integer, got \"1.5\""},
      {"integer: in quotes", plan("tp: \"1\""),
       "s.yaml:4:12: plan.tp: expected an integer, got \"1\" in quotes"},
      {"integer: a list", plan("tp: [1]"), "s.yaml:4:12: plan.tp: expected an integer, got a list"},
      {"integer: a map", plan("tp: {a: 1}"),
       "s.yaml:4:12: plan.tp: expected an integer, got a map"},
      {"integer: nothing", kScenario + "plan:\n  tp:\n",
       "s.yaml:5:3: plan.tp: expected an integer from 1 to 1000000 (tensor parallel), got nothing"},
      {"number: nothing", "workload: tiny\nplatform: {base: pod, oversubscription: }\n" + kBatch,
       "s.yaml:2:23: platform.oversubscription: expected a number from 1 to 10000 (leaf downlinks "
       ": uplinks; 1: "
       "non-blocking), got nothing"},
      {"flag: nothing", plan("ep_overlap: "),
       "s.yaml:4:8: plan.ep_overlap: expected true or false (hide dispatch and combine behind the "
       "compute of another "
       "microbatch), got nothing"},
      {"enum: nothing", plan("recompute: "),
       "s.yaml:4:8: plan.recompute: expected none, selective or full (activations recomputed in "
       "the backward pass), "
       "got "
       "nothing"},
      {"list: nothing", plan("schedule_ops: "),
       "s.yaml:4:8: plan.schedule_ops: expected a list (of schedule custom, one list per stage, as "
       "\"F0 F1+B0 D1 W1\": "
       "F forward, B backward, D and W its data and weight half, .1 on chunk 1, + overlapping), "
       "got nothing"},
      {"integer: huge", plan("tp: 99999999999999999999"),
       "s.yaml:4:12: plan.tp: must be from 1 to 1000000, got 99999999999999999999"},
      {"integer: negative", plan("ep: -8"),
       "s.yaml:4:12: plan.ep: must be from 1 to 1000000, got -8"},
      {"flag: a number", plan("cuda_graph: 1"),
       "s.yaml:4:20: plan.cuda_graph: expected true or false, got \"1\""},
      {"flag: yes", plan("cuda_graph: yes"),
       "s.yaml:4:20: plan.cuda_graph: expected true or false, got \"yes\""},
      {"text: a list", plan("layout: [E, t]"),
       "s.yaml:4:16: plan.layout: expected a text, got a list"},
      {"list: a scalar", plan("recompute: selective, recompute_modules: mlp"),
       "s.yaml:4:49: plan.recompute_modules: expected a list, got \"mlp\""},
      {"list: a wrong item", plan("recompute: selective, recompute_modules: [mlp, attn]"),
       "s.yaml:4:55: plan.recompute_modules[1]: expected core_attn, layernorm, mla_up_proj, "
       "moe_act, mlp, moe or "
       "shared_experts, got \"attn\""},
      {"enum: misspelt", plan("dispatcher: deep-ep"),
       "s.yaml:4:20: plan.dispatcher: expected nccl, deepep, hybridep or allgather, got "
       "\"deep-ep\" (did you mean "
       "\"deepep\"?)"},
      {"enum: unknown", plan("schedule: gpip"),
       "s.yaml:4:18: plan.schedule: expected 1f1b, interleaved, gpipe, zb-h1, zb-2p, dualpipe, "
       "dualpipev or custom, "
       "got \"gpip\" (did you mean \"gpipe\"?)"},
      {"section: a list", kScenario + "plan: [1, 2]\n",
       "s.yaml:4:7: plan: expected a map of keys, got a list"},
      {"section: nothing", kScenario + "plan:\n",
       "s.yaml:4:1: plan: expected a map of keys (how the model is mapped on the cluster), got "
       "nothing"},
  });
}

TEST_CASE("wrong numbers") {
  check({
      {"zero GPUs", "workload: tiny\nplatform: {base: pod, gpus: 0}\n" + kBatch,
       "s.yaml:2:29: platform.gpus: must be from 1 to 1000000, got 0"},
      {"negative bandwidth",
       "workload: tiny\nplatform: {base: pod, nic_bytes_per_s: -50 GB/s}\n" + kBatch,
       "s.yaml:2:40: platform.nic_bytes_per_s: must be above 0 and at most 1 EB/s, got -50 GB/s"},
      {"zero bandwidth", "workload: tiny\nplatform: {base: pod, nvlink_bytes_per_s: 0}\n" + kBatch,
       "s.yaml:2:43: platform.nvlink_bytes_per_s: must be above 0 and at most 1 EB/s, got 0"},
      {"number beyond double",
       "workload: tiny\nplatform: {base: pod, nic_bytes_per_s: 1e400}\n" + kBatch,
       "s.yaml:2:40: platform.nic_bytes_per_s: \"1e400\" is too large a number"},
      {"number beyond its range",
       "workload: tiny\nplatform: {base: pod, nic_bytes_per_s: 1e300}\n" + kBatch,
       "s.yaml:2:40: platform.nic_bytes_per_s: must be above 0 and at most 1 EB/s, got 1e300"},
      {"not a number", "workload: tiny\nplatform: {base: pod, oversubscription: .nan}\n" + kBatch,
       "s.yaml:2:41: platform.oversubscription: expected a number, got \".nan\""},
      {"infinity", "workload: tiny\nplatform: {base: pod, oversubscription: inf}\n" + kBatch,
       "s.yaml:2:41: platform.oversubscription: expected a number, got \"inf\""},
      {"unknown unit",
       "workload: tiny\nplatform: {base: pod, nic_bytes_per_s: 50 furlongs}\n" + kBatch,
       "s.yaml:2:40: platform.nic_bytes_per_s: \"furlongs\" is not a unit of bandwidth (units: "
       "B/s, kB/s, MB/s, GB/s, "
       "TB/s, GiB/s, bps, kbps, Mbps, Gbps, Tbps)"},
      {"size for a bandwidth",
       "workload: tiny\nplatform: {base: pod, nic_bytes_per_s: 50 GB}\n" + kBatch,
       "s.yaml:2:40: platform.nic_bytes_per_s: \"GB\" is not a unit of bandwidth (units: B/s, "
       "kB/s, MB/s, GB/s, TB/s, "
       "GiB/s, bps, kbps, Mbps, Gbps, Tbps)"},
      {"bandwidth for a time",
       "workload: tiny\nplatform: {base: pod, nic_latency_s: 2 GB/s}\n" + kBatch,
       "s.yaml:2:38: platform.nic_latency_s: \"GB/s\" is not a unit of time (units: s, ms, us, ns, "
       "ps, min, h, d)"},
      {"efficiency above 1",
       "workload: tiny\nplatform: {base: pod, nic_efficiency: 110 %}\n" + kBatch,
       "s.yaml:2:39: platform.nic_efficiency: must be above 0 and at most 1, got 110 %"},
      {"value with an unknown remark",
       "workload: tiny\nplatform: {base: pod, gpus: {value: 16, sorce: x}}\n" + kBatch,
       "s.yaml:2:41: platform.gpus.sorce: is not a known key (did you mean \"source\"?)"},
      {"value of a wrong type beside its source",
       "workload: tiny\nplatform: {base: pod, gpus: {value: many, source: x}}\n" + kBatch,
       "s.yaml:2:37: platform.gpus: expected an integer, got \"many\""},
  });
}

TEST_CASE("presets, files and bases that cannot be used") {
  check({
      {"unknown preset with a near name", "workload: tinny\nplatform: pod\n" + kBatch,
       "s.yaml:1:11: workload: no workload is named \"tinny\" (did you mean \"tiny\"?)"},
      {"unknown preset without a near name", "workload: tiny\nplatform: supercomputer\n" + kBatch,
       "s.yaml:2:11: platform: no platform is named \"supercomputer\" (known: pod)"},
      {"missing file", "workload: models/tiny.yaml\nplatform: pod\n" + kBatch,
       "s.yaml:1:11: workload: no such file: \"models/tiny.yaml\""},
      {"base that is a list", "workload: {base: [tiny]}\nplatform: pod\n" + kBatch,
       "s.yaml:1:18: workload.base: expected the name of a workload or a file, got a list"},
      {"base without a name", "workload: {base: }\nplatform: pod\n" + kBatch,
       "s.yaml:1:12: workload.base: expected the name of a workload or a file, got nothing"},
      {"scenario that is its own base", "base: s.yaml\n",
       "s.yaml:1:7: base: a cycle of bases: s.yaml -> s.yaml"},
      {"cycle of presets",
       "workload: a\nplatform: pod\n" + kBatch,
       "data/workloads/b.yaml:1:7: workload.base: a cycle of bases: s.yaml -> "
       "data/workloads/a.yaml -> "
       "data/workloads/b.yaml -> data/workloads/a.yaml",
       {},
       {{"data/workloads/a.yaml", "base: b\n"},
        {"data/workloads/b.yaml", "base: ../workloads/a.yaml\n"}}},
      {"cycle of devices",
       "workload: tiny\nplatform: {base: pod, device: x}\n" + kBatch,
       "data/platforms/devices/x.yaml:1:7: platform.device.base: a cycle of bases: s.yaml -> "
       "data/platforms/devices/x.yaml -> data/platforms/devices/x.yaml",
       {},
       {{"data/platforms/devices/x.yaml", "base: x\n"}}},
      {"empty preset",
       "workload: a\nplatform: pod\n" + kBatch,
       "data/workloads/a.yaml: workload: is empty",
       {},
       {{"data/workloads/a.yaml", ""}}},
      {"broken preset",
       "workload: a\nplatform: pod\n" + kBatch,
       "data/workloads/a.yaml:2:1: workload: YAML syntax: end of sequence flow not found",
       {},
       {{"data/workloads/a.yaml", "layers: [\n"}}},
      {"preset that is a text",
       "workload: a\nplatform: pod\n" + kBatch,
       "data/workloads/a.yaml:1:1: workload: expected a map of keys, got \"tiny\"",
       {},
       {{"data/workloads/a.yaml", "tiny\n"}}},
      {"unknown key in a preset",
       "workload: tiny\nplatform: a\n" + kBatch,
       "data/platforms/a.yaml:2:1: platform.gpu: is not a known key (did you mean \"gpus\"?)",
       {},
       {{"data/platforms/a.yaml", "base: pod\ngpu: 8\n"}}},
      {"set without a value", kScenario, "--set plan.ep: expected KEY.PATH=VALUE", {"plan.ep"}},
  });
}

TEST_CASE("wrong overrides, and several problems at once") {
  check({
      {"set without a key", kScenario, "--set =4: expected KEY.PATH=VALUE", {"=4"}},
      {"set with an empty key",
       kScenario,
       "--set plan..ep=4: expected KEY.PATH=VALUE",
       {"plan..ep=4"}},
      {"set of an unknown key",
       kScenario,
       "--set plan.expert=4: plan.expert: is not a known key",
       {"plan.expert=4"}},
      {"set of a wrong type",
       kScenario,
       "--set plan.ep=many: plan.ep: expected an integer, got \"many\"",
       {"plan.ep=many"}},
      {"set out of range",
       kScenario,
       "--set plan.ep=0: plan.ep: must be from 1 to 1000000, got 0",
       {"plan.ep=0"}},
      {"set of a key below a value",
       kScenario,
       "--set plan.ep.x=4: plan.ep: expected an integer, got a map",
       {"plan.ep.x=4"}},
      {"set of a broken text",
       kScenario,
       "--set plan={ep: 4: plan: YAML syntax: end of map flow not found",
       {"plan={ep: 4"}},
      {"set of nothing",
       kScenario,
       "--set plan.ep=: plan.ep: expected an integer from 1 to 1000000 (expert parallel), got "
       "nothing",
       {"plan.ep="}},
      {"set of a key of another section",
       kScenario,
       "--set plan.placement=eplb: plan.placement: is not a known key (did you mean "
       "\"routing.placement\"?)",
       {"plan.placement=eplb"}},
      {"set of no placement",
       kScenario,
       "--set routing.placement=eplp: routing.placement: expected contiguous, round_robin, table, "
       "eplb or eplb_global, "
       "got \"eplp\" (did you mean \"eplb\"?)",
       {"routing.placement=eplp"}},
      {"set of an unknown preset",
       kScenario,
       "--set workload=qwen: workload: no workload is named \"qwen\" (known: dense, tiny)",
       {"workload=qwen"}},
      {"several at once",
       "workload: tiny\nplatform: {base: pod, gpus: 0, nic_latency_s: 2 parsecs}\n" + kBatch +
           "plan: {tp: 3, ep: x, pq: 1}\n",
       "s.yaml:2:29: platform.gpus: must be from 1 to 1000000, got 0\n"
       "s.yaml:2:47: platform.nic_latency_s: \"parsecs\" is not a unit of time (units: s, ms, us, "
       "ns, ps, min, h, d)\n"
       "s.yaml:3:44: batch.sequence_length: 4096 tokens of a context-parallel rank are not "
       "divisible by tp = 3, which "
       "sequence_parallel needs\n"
       "s.yaml:4:12: plan.tp: 16 heads are not divisible by tp = 3\n"
       "s.yaml:4:12: plan.tp: kv_heads = 4 and tp = 3: neither divides the other\n"
       "s.yaml:4:19: plan.ep: expected an integer, got \"x\"\n"
       "s.yaml:4:22: plan.pq: is not a known key (did you mean \"pp\"?)\n"
       "--set batch.global_batch=-1: batch.global_batch: must be from 1 to 1000000000, got -1",
       {"batch.global_batch=-1"}},
  });
}
