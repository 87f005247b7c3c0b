#include "measured/measured_table.hpp"

#include "base/diagnostics.hpp"
#include "catch.hpp"
#include "fixtures/input_error.hpp"

using namespace moesim;

namespace {

MeasuredTable table_of(const std::string& csv) {
  return read_measured_table("t.csv", MemoryFiles({{"t.csv", csv}}));
}

std::string problems_of(const std::string& csv) {
  return input_error([&] { table_of(csv); });
}

const std::string kHeader = "model,gpu,num_gpus,seq_len,gbs,step_time_s,tp\n";

}  // namespace

TEST_CASE("Measured table: figures of a row, empty ones as 0") {
  const MeasuredTable table = table_of(kHeader + "grok-1,h100-sxm,512,8192,1024,15.933,\n");
  REQUIRE(table.rows.size() == 1);
  const MeasuredRow& row = table.rows[0];
  CHECK(row.line == 2);
  CHECK(row.model == "grok-1");
  CHECK(row.num_gpus == 512);
  CHECK(row.step_time_s == 15.933);
  CHECK(row.tp == 0);
  CHECK(row.tokens_per_s_per_gpu == 0);
  CHECK(table.unknown_columns.empty());
}

TEST_CASE("Measured table: all malformed cells at once, each with its place and column") {
  CHECK(problems_of(kHeader + "m,g,x,8192,1024,15.9,0\nm,g,8,4096,64,-1,\nm,g,8\n") ==
        "t.csv:2:5: num_gpus: expected a whole number of at least 1, got \"x\"\n"
        "t.csv:2:22: tp: expected a whole number of at least 1, got \"0\"\n"
        "t.csv:3:15: step_time_s: expected a number above 0, got \"-1\"\n"
        "t.csv:4:1: 3 cells where the first line names 7 columns");
  CHECK(problems_of(kHeader + "m,g,8,4096,64,nan,\n") ==
        "t.csv:2:15: step_time_s: expected a number above 0, got \"nan\"");
  CHECK(problems_of(kHeader + "m,g,99999999999,4096,64,1,\n") ==
        "t.csv:2:5: num_gpus: expected a whole number of at least 1, got \"99999999999\"");
}

TEST_CASE("Measured table: columns that are missing, doubled or nameless") {
  CHECK(problems_of("model,gpu,num_gpu,seq_len,gbs,mfu\n") ==
        "t.csv:1:1: num_gpus: this column is missing (did you mean \"num_gpu\"?)\n"
        "t.csv:1:1: no column holds a measurement: tokens_per_s_per_gpu, step_time_s or "
        "tflops_per_gpu");
  CHECK(problems_of("model,gpu,num_gpus,seq_len,gbs,step_time_s,model\n") ==
        "t.csv:1:44: model: is there twice");
  CHECK(problems_of("model,gpu,num_gpus,seq_len,gbs,step_time_s,\n") ==
        "t.csv:1:44: this column has no name");
  CHECK(problems_of("") == "t.csv: is empty: expected a line of column names");
}

TEST_CASE("Measured table: a column of the user's own is kept for filters") {
  const std::string csv =
      "model,gpu,num_gpus,seq_len,gbs,step_time_s,site\na,g,8,1,8,1,here\nb,g,8,1,8,1,there\n";
  MeasuredTable table = table_of(csv);
  CHECK(table.unknown_columns == std::vector<std::string>{"site"});
  keep_rows(table, parse_row_filter("site=there"));
  REQUIRE(table.rows.size() == 1);
  CHECK(table.rows[0].model == "b");
}

TEST_CASE("Row filter: all columns must hold one of their values") {
  const std::string csv =
      kHeader + "a,h100,8,1,8,1,\nb,h100,8,1,8,1,\na,h800,8,1,8,1,\nc,h800,8,1,8,1,\n";
  MeasuredTable table = table_of(csv);
  keep_rows(table, parse_row_filter("gpu=h100|h800,model=a|c"));
  REQUIRE(table.rows.size() == 3);
  CHECK(table.rows[2].model == "c");
  keep_rows(table, parse_row_filter(""));
  CHECK(table.rows.size() == 3);
  CHECK_THROWS_AS(parse_row_filter("gpu"), InputError);
  CHECK_THROWS_AS(keep_rows(table, parse_row_filter("modell=a")), InputError);
}

TEST_CASE("Measured table: what a row may say beside its mapping") {
  const MeasuredTable table = table_of(
      "model,gpu,num_gpus,seq_len,gbs,step_time_s,framework,layout,mtp,zero,cuda_graph,routing,"
      "capacity_factor,set,inferred,fitted\n"
      "m,g,8,1,8,1,neutral,Et|tL,0,3,layers,natural,1.25,"
      "\"plan.communication_sms=32 ;workload.vocab=128256\",vpp etp,yes\n"
      "m,g,8,1,8,1,,,,,,,,,,\n");
  const MeasuredRow &row = table.rows[0], &empty = table.rows[1];
  CHECK(row.framework == "neutral");
  CHECK(row.layout == "Et|tL");
  CHECK(row.mtp == 0);
  CHECK(row.zero == 3);
  CHECK(row.cuda_graph == "layers");
  CHECK(row.routing == "natural");
  CHECK(row.capacity_factor == 1.25);
  CHECK(row.set == std::vector<std::string>{"plan.communication_sms=32", "workload.vocab=128256"});
  CHECK(row.inferred == std::vector<std::string>{"vpp", "etp"});
  CHECK(row.fitted);
  CHECK(empty.mtp == MeasuredRow::kOpen);
  CHECK(empty.zero == MeasuredRow::kOpen);
  CHECK(empty.capacity_factor == 0);
  CHECK(empty.set.empty());
  CHECK_FALSE(empty.fitted);
  CHECK(table.unknown_columns.empty());
}

TEST_CASE("Measured table: closed vocabularies name a word that is not theirs") {
  CHECK(
      problems_of("model,gpu,num_gpus,seq_len,gbs,step_time_s,zero,cuda_graph,set,inferred,fitted\n"
                  "m,g,8,1,8,1,4,full,plan.vpp,layoutt,maybe\n") ==
      "t.csv:2:13: zero: expected a whole number from 0 to 3, got \"4\"\n"
      "t.csv:2:15: cuda_graph: expected none, layers, router or step, got \"full\"\n"
      "t.csv:2:20: set: expected KEY.PATH=VALUE, more of them behind \";\", got \"plan.vpp\"\n"
      "t.csv:2:29: inferred: expected names of columns, got \"layoutt\" (did you mean "
      "\"layout\"?)\n"
      "t.csv:2:37: fitted: expected yes or no, got \"maybe\"");
}
