#include "foreign/launch.hpp"

#include <catch.hpp>

using namespace moesim;

namespace {

Launch read(const std::string& path, const std::string& text,
            std::map<std::string, std::string> variables = {},
            std::vector<std::string> extra = {}) {
  const MemoryFiles files(std::map<std::string, std::string>{{path, text}});
  return read_launch({path, std::move(variables), std::move(extra)}, files);
}

std::string fault(const std::string& path, const std::string& text) {
  try {
    read(path, text);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

std::string shown(const Launch& launch) {
  std::string all;
  for (const LaunchArgument& argument : launch.arguments)
    all += argument.text() + "@" + std::to_string(argument.place.line) + "\n";
  return all;
}

}  // namespace

TEST_CASE("a script's launch is the command with the most known arguments") {
  const Launch launch = read("run.sh",
                             "export CUDA_DEVICE_MAX_CONNECTIONS=1\n"
                             "python prepare.py --num-layers 4\n"
                             "ARGS=(\n --num-layers 8\n --hidden_size=1024\n --bf16\n)\n"
                             "torchrun --nproc_per_node 8 train.py ${ARGS[@]} 2>&1 | tee log\n");
  CHECK(shown(launch) ==
        "--nproc-per-node 8@8\n--num-layers 8@4\n--hidden-size 1024@5\n--bf16@6\n");
  CHECK(launch.queues == "1");
}

TEST_CASE("arguments inside of a quoted command or a here-document count") {
  const std::string expected = "--num-layers 8@2\n--hidden-size 64@2\n--seq-length 32@2\n";
  const std::string line = "train.py --num-layers 8 --hidden-size 64 --seq-length 32";
  CHECK(shown(read("a.sh", "\nbash -c \"cd x; python " + line + "\"\n")) == expected);
  CHECK(shown(read("a.sh", "\ncmd=\"python " + line + "\"; eval $cmd\n")) == expected);
  CHECK(shown(read("a.sh", "sbatch <<EOF\npython " + line + "\nEOF\n")) == expected);
}

TEST_CASE("what the queue system is asked for comes first, so that the launcher wins") {
  const Launch launch = read("a.sh",
                             "#SBATCH --nodes=4 --ntasks-per-node=8\n"
                             "#SBATCH -N 2\n"
                             "srun python t.py --num-layers 8 --hidden-size 64 --bf16\n");
  CHECK(launch.find("nodes")->values == std::vector<std::string>{"2"});
  CHECK(launch.find("ntasks-per-node")->values == std::vector<std::string>{"8"});
}

TEST_CASE("a file of arguments alone, and arguments of the command line behind it") {
  const Launch launch = read("args.txt", "--num-layers 8\n# why\n--hidden-size 64 \\\n --bf16\n",
                             {}, {"--num-layers", "16"});
  CHECK(launch.find("num-layers")->values == std::vector<std::string>{"16"});
  CHECK(launch.find("hidden-size")->place.line == 3);
  CHECK(launch.find("nothing") == nullptr);
}

TEST_CASE("YAML whose keys are arguments") {
  const Launch launch =
      read("m.yaml",
           "ENV_VARS: {CUDA_DEVICE_MAX_CONNECTIONS: 32}\n"
           "MODEL_ARGS:\n  --num-layers: ${L}\n  --swiglu: true\n  --finetune: false\n"
           "  recompute_modules: [mlp, moe]\n  --bf16: true\n",
           {{"L", "8"}});
  CHECK(shown(launch) == "--num-layers 8@3\n--swiglu@4\n--recompute-modules mlp moe@6\n--bf16@7\n");
  CHECK(launch.queues == "32");
}

TEST_CASE("what is no launch is refused") {
  CHECK(fault("a.sh", "echo hello\n").find("a.sh: no command has arguments of a training run") ==
        0);
  CHECK(fault("a.sh", "if true; then\n") == "a.sh:1:14: expected \"fi\"");
  CHECK(fault("a.yaml", "x: 1\n") == "a.yaml: no key is an argument of a training run");
  CHECK(fault("a.yaml", "x: [1\n").find("a.yaml:") == 0);
  try {
    read_launch({"none.sh", {}, {}}, MemoryFiles(std::map<std::string, std::string>{}));
    FAIL("read");
  } catch (const InputError& error) {
    CHECK(std::string(error.what()).find("none.sh: no such file") == 0);
  }
}
