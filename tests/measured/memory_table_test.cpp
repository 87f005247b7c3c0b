#include "measured/memory_table.hpp"

#include "catch.hpp"

using namespace moesim;

namespace {

const std::string kHeader =
    "model,gpu,num_gpus,precision,seq_len,mbs,gbs,tp,pp,zero_or_distributed_optimizer,recompute,"
    "peak_memory,unit,what_is_measured,stage_or_rank,set\n";

MemoryTable table(const std::string& lines) {
  const MemoryFiles files(std::map<std::string, std::string>{{"m.csv", kHeader + lines}});
  return read_memory_table("m.csv", files);
}

MeasuredMemory row(const std::string& line) { return table(line + "\n").rows.at(0); }

std::string error_of(const std::string& lines) {
  try {
    table(lines);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a measured peak: bytes, kind, stage, and what is said of sharding") {
  const MeasuredMemory m = row(
      "llama3-8b,h100-sxm,8,bf16,4096,1,16,1,2,\"ZeRO-1 distributed optimizer, fp32 grads\",none,"
      "31.5,GiB,torch max reserved,stage 1 (last),plan.moment_bytes=2; plan.vpp=1");
  CHECK(m.bytes == 31.5 * 1024 * 1024 * 1024);
  CHECK(m.kind == MemoryKind::reserved);
  CHECK(m.stage == MeasuredMemory::kLast);
  CHECK(m.verdict == MeasuredMemory::Verdict::fits);
  CHECK(m.reason == "");
  CHECK(m.row.zero == 1);
  CHECK(m.row.set ==
        std::vector<std::string>{"plan.gradient_bytes=4", "plan.moment_bytes=2", "plan.vpp=1"});
  CHECK(m.row.num_gpus == 8);
  CHECK(m.row.line == 2);
}

TEST_CASE("words for kinds, units, stages and verdicts") {
  const auto with = [](const std::string& peak, const std::string& unit, const std::string& what,
                       const std::string& stage) {
    return row("llama3-8b,h100-sxm,8,bf16,4096,1,16,1,2,FSDP2,full," + peak + "," + unit + ",\"" +
               what + "\"," + stage + ",");
  };
  CHECK(with("2", "GB (1e9)", "torch max allocated", "rank 0").bytes == 2e9);
  CHECK(with("2", "MiB (as printed)", "x", "").bytes == 2.0 * 1024 * 1024);
  CHECK(with("2", "GB", "torch max allocated", "rank 0").stage == 0);
  CHECK(with("2", "GB", "torch max allocated", "stage 1").stage == 1);
  CHECK(with("2", "GB", "torch max allocated", "pp rank 3 (rank 6)").stage == 3);
  CHECK(with("2", "GB", "torch max allocated", "all").stage == MeasuredMemory::kFullest);
  CHECK(with("2", "GB", "torch peak active", "").kind == MemoryKind::allocated);
  CHECK(with("2", "GB", "allocated at the end of the step (persistent state)", "").kind ==
        MemoryKind::persistent);
  CHECK(with("2", "GB", "nvidia-smi style, rounded", "").kind == MemoryKind::device);
  CHECK(with(">182 (OOM)", "GiB", "OOM near 182", "").verdict ==
        MeasuredMemory::Verdict::out_of_memory);
  CHECK(with(">182 (OOM)", "GiB", "OOM near 182", "").bytes == 0);
  CHECK(with("~80 (fits)", "GB", "fits / OOM statement", "").verdict ==
        MeasuredMemory::Verdict::fits);
  CHECK(with("~80 (fits)", "GB", "fits / OOM statement", "").bytes == 0);
  CHECK(with("2", "GB", "x", "").row.zero == 3);
  CHECK(with("2", "GB", "x", "").row.framework == "fsdp2");
  CHECK(with("2", "GB", "x", "").row.mtp == 0);
}

TEST_CASE("what a row leaves open: a batch without a pipeline, and reasons not to run") {
  const std::string rest = ",distributed optimizer,not stated,2,GB,x,,";
  CHECK(row("llama3-8b,h100-sxm,8,bf16,4096,2,,1,1" + rest).row.gbs == 16);
  CHECK(row("llama3-8b,h100-sxm,8,bf16,4096,2,,1,1" + rest).told ==
        "gbs is not stated: one microbatch a step");
  CHECK(row("llama3-8b,h100-sxm,8,bf16,4096,2,,1,2" + rest).row.gbs == 0);
  CHECK(row("llama3-8b,h100-sxm,8,bf16,~80 (short),2,,1,1" + rest).reason ==
        "seq_len is \"~80 (short)\"");
  CHECK(row("llama3-8b,h100-sxm,8,bf16,4096,2,,1,1" + rest).row.recompute == "");
  const std::string fsdp = "llama3-8b,h100-sxm,8,fp16,4096,2,,1,1,FSDP2,";
  CHECK(row(fsdp + "full or selective,2,GB,x,,").reason == "recompute is \"full or selective\"");
  CHECK(row(fsdp + "selective (default),2,GB,x,,").row.recompute == "layernorm,moe_act,core_attn");
  CHECK(row(fsdp + "full,2,GB,x,,").row.precision == "bf16");
}

TEST_CASE("errors of a table of memory, with their places") {
  CHECK(error_of("llama3-8b,h100-sxm,8,bf16,4096,1,16,1,2,x,none,much,GB,x,,\n") ==
        "m.csv:2:48: peak_memory: holds no number");
  CHECK(error_of("llama3-8b,h100-sxm,8,bf16,4096,1,16,1,2,x,none,3,barrels,x,,\n") ==
        "m.csv:2:50: unit: expected GiB, GB, MiB or MB first, got \"barrels\"");
  CHECK(error_of("llama3-8b,h100-sxm,8,bf16,4096,1,16,1,2,x,none,3,GB,x,,plan\n") ==
        "m.csv:2:56: set: expected KEY.PATH=VALUE, got \"plan\"");
  const MemoryFiles files(std::map<std::string, std::string>{{"m.csv", "model,peak_memory\n"}});
  CHECK_THROWS_AS(read_memory_table("m.csv", files), InputError);
}
