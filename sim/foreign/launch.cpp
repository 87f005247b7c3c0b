#include "foreign/launch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "base/text.hpp"
#include "config/tree.hpp"
#include "foreign/argument_table.hpp"
#include "foreign/shell.hpp"

namespace moesim {
namespace {

constexpr size_t kMostScript = size_t{1} << 20;  // bytes
constexpr size_t kMostCommands = 10'000;
constexpr int kMostNested = 100;   // scripts inside of words and here-documents
constexpr size_t kMostShown = 77;  // characters of an argument in messages
// Arguments that a command must have to be a launch: a launcher alone has some that are known.
constexpr int kFewestKnown = 3;

std::string plain_name(std::string_view spelled) {
  while (spelled.starts_with('-')) spelled.remove_prefix(1);
  std::string name(spelled.substr(0, spelled.find('=')));
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

bool is_argument(std::string_view word) {
  return word.size() > 3 && word.starts_with("--") &&
         std::isalpha(static_cast<unsigned char>(word[2]));
}

// "--name", "--name=value" and the words up to the next one.
std::vector<LaunchArgument> arguments_of(const std::vector<MarkedText>& words,
                                         const std::string& file) {
  std::vector<LaunchArgument> arguments;
  bool behind_program = true;
  for (const MarkedText& word : words) {
    const std::string& text = word.text;
    if (is_argument(text)) {
      arguments.push_back({plain_name(text), {}, {file, word.line(0), word.column(0)}});
      if (const size_t equals = text.find('='); equals != std::string::npos)
        arguments.back().values.push_back(text.substr(equals + 1));
      behind_program = false;
    } else if (!arguments.empty() && !behind_program) {
      // The program that torchrun starts is no value of the launcher's last argument.
      behind_program = text.ends_with(".py");
      if (!behind_program) arguments.back().values.push_back(text);
    }
  }
  return arguments;
}

int known_among(const std::vector<LaunchArgument>& arguments) {
  return static_cast<int>(
      std::count_if(arguments.begin(), arguments.end(),
                    [](const LaunchArgument& a) { return find_argument(a.name) != nullptr; }));
}

// "#SBATCH --nodes=4": what the queue system is asked for.
void read_directives(std::string_view text, int first_line, const std::string& file,
                     std::vector<LaunchArgument>& arguments) {
  int line = first_line;
  for (size_t at = 0; at < text.size(); ++line) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view here = trim(text.substr(at, end - at));
    at = end + 1;
    if (!here.starts_with("#SBATCH")) continue;
    const std::vector<std::string> words = split(here.substr(7), " \t=");
    for (size_t i = 0; i < words.size(); ++i) {
      if (words[i] != "-N" && !is_argument(words[i])) continue;
      const std::string name = words[i] == "-N" ? std::string("nodes") : plain_name(words[i]);
      LaunchArgument argument{name, {}, {file, line, 1}};
      if (i + 1 < words.size() && !words[i + 1].starts_with('-'))
        argument.values.push_back(words[i + 1]);
      arguments.push_back(std::move(argument));
    }
  }
}

std::vector<LaunchKey> read_keys(std::string_view text, const std::string& file) {
  constexpr std::string_view kMark = "#moesim ";
  std::vector<LaunchKey> keys;
  int line = 1;
  for (size_t at = 0; at < text.size(); ++line) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view here = trim(text.substr(at, end - at));
    at = end + 1;
    if (!here.starts_with(kMark)) continue;
    const std::string_view pair = trim(here.substr(kMark.size()));
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos || equals == 0)
      throw InputError(fmt::format("{}:{}: expected #moesim KEY=VALUE", file, line));
    keys.push_back({std::string(trim(pair.substr(0, equals))),
                    std::string(trim(pair.substr(equals + 1))),
                    {file, line, 1}});
  }
  return keys;
}

class ScriptReader {
 public:
  ScriptReader(const LaunchInput& input, Problems& problems)
      : input_(input), problems_(problems), shell_(input.path, input.variables, problems) {}

  Launch read(const std::string& text) {
    launch_.file = input_.path;
    launch_.keys = read_keys(text, input_.path);
    read_directives(text, 1, input_.path, launch_.arguments);
    shell_.run(numbered(text));
    // Scripts inside of words and here-documents add commands while they are looked at.
    for (size_t i = 0; i < shell_.commands().size() && i < kMostCommands; ++i) look_at(i);
    if (!problems_.empty()) throw InputError(problems_);
    choose();
    launch_.queues = without_marks(shell_.variable("CUDA_DEVICE_MAX_CONNECTIONS"));
    launch_.notes = shell_.notes();
    return std::move(launch_);
  }

 private:
  void look_at(size_t i) {
    const ShellCommand command = shell_.commands()[i];
    if (!command.heredoc.empty()) {
      read_directives(command.heredoc.text, command.heredoc.line(0), input_.path,
                      launch_.arguments);
      run_inside(command.heredoc);
    }
    std::vector<MarkedText> words;
    for (const MarkedText& word : command.words) {
      const std::string plain = without_marks(word.text);
      const bool several = plain.find_first_of(" \t\n") != std::string::npos;
      if (several && word.text.starts_with("--")) {
        for (MarkedText& part : shell_.expand(word)) split_blanks(part, words);
      } else if (several && plain.find(" --") != std::string::npos) {
        run_inside(word);  // bash -c "torchrun ..."
      } else {
        words.push_back(word);
      }
    }
    found_.push_back(arguments_of(words, input_.path));
    if (!words.empty() && is_argument(words[0].text))
      loose_.insert(loose_.end(), found_.back().begin(), found_.back().end());
  }

  static void split_blanks(const MarkedText& text, std::vector<MarkedText>& words) {
    size_t begin = 0;
    for (size_t at = 0; at <= text.size();) {
      if (at < text.size() && !std::isspace(static_cast<unsigned char>(text.text[at]))) {
        at = std::max(at + 1, behind_mark(text.text, at));
        continue;
      }
      if (at > begin) words.push_back(text.part(begin, at));
      begin = ++at;
    }
  }

  // A word that is no script has problems of its own, which are nobody's concern.
  void run_inside(const MarkedText& text) {
    Problems ignored;
    if (++nested_ > kMostNested) return;
    parse_shell(text, input_.path, ignored);
    if (ignored.empty()) shell_.run(text);
  }

  void choose() {
    // A file of arguments alone: every line is one "command".
    found_.push_back(loose_);
    const auto best = std::max_element(
        found_.begin(), found_.end(),
        [](const auto& a, const auto& b) { return known_among(a) < known_among(b); });
    if (best == found_.end() || known_among(*best) < kFewestKnown)
      throw InputError(fmt::format(
          "{}: no command has arguments of a training run (such as --num-layers): give what calls "
          "it, or the YAML of its arguments; variables that its commands need: --var NAME=VALUE",
          input_.path));
    launch_.arguments.insert(launch_.arguments.end(), best->begin(), best->end());
  }

  const LaunchInput& input_;
  Problems& problems_;
  Shell shell_;
  Launch launch_;
  std::vector<std::vector<LaunchArgument>> found_;
  std::vector<LaunchArgument> loose_;
  int nested_ = 0;
};

// YAML whose keys are arguments, at any depth: "--num-layers: 61", "num_layers: 61".
class YamlArguments {
 public:
  YamlArguments(const LaunchInput& input, Problems& problems)
      : input_(input), shell_(input.path, input.variables, problems) {}

  Launch read(const YamlNode& root) {
    launch_.file = input_.path;
    walk(root);
    if (known_among(launch_.arguments) < kFewestKnown)
      throw InputError(fmt::format("{}: no key is an argument of a training run", input_.path));
    return std::move(launch_);
  }

 private:
  void walk(const YamlNode& node) {
    for (const YamlNode::Entry& entry : node.entries) {
      const bool spelled = is_argument(entry.key);
      const bool known = find_argument(entry.key) != nullptr;
      if (entry.key == "CUDA_DEVICE_MAX_CONNECTIONS") launch_.queues = value(entry.value);
      if (!spelled && !known) {
        walk(entry.value);
        continue;
      }
      LaunchArgument argument{plain_name(entry.key), {}, entry.key_place};
      if (entry.value.kind == YamlNode::Kind::sequence)
        for (const YamlNode& item : entry.value.items) argument.values.push_back(value(item));
      else if (entry.value.kind == YamlNode::Kind::scalar)
        argument.values = words(value(entry.value), entry.value.quoted);
      const std::string only = argument.values.size() == 1 ? argument.values[0] : "";
      if (only == "false" || only == "null") continue;
      if (only == "true") argument.values.clear();
      launch_.arguments.push_back(std::move(argument));
    }
  }
  std::string value(const YamlNode& node) {
    if (node.kind != YamlNode::Kind::scalar) return "";
    return shell_.expand({node.text, node.place.line}, false)[0].text;
  }
  static std::vector<std::string> words(const std::string& text, bool quoted) {
    if (!quoted) return split(text, " \t");
    std::vector<std::string> one;
    one.push_back(text);
    return one;
  }

  const LaunchInput& input_;
  Shell shell_;
  Launch launch_;
};

}  // namespace

std::string LaunchArgument::text() const {
  std::string all = "--" + name;
  for (const std::string& value : values) all += " " + with_names(value);
  for (char& c : all)  // it becomes part of a comment
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  if (all.size() > kMostShown) {
    all.resize(kMostShown);
    all.append("...");
  }
  return all;
}

const LaunchArgument* Launch::find(std::string_view name) const {
  for (auto argument = arguments.rbegin(); argument != arguments.rend(); ++argument)
    if (argument->name == name) return &*argument;
  return nullptr;
}

const LaunchKey* Launch::find_key(std::string_view key) const {
  const auto found =
      std::find_if(keys.begin(), keys.end(), [&](const LaunchKey& k) { return k.key == key; });
  return found == keys.end() ? nullptr : &*found;
}

bool Launch::has_section(std::string_view name) const {
  return std::any_of(keys.begin(), keys.end(), [&](const LaunchKey& k) {
    return k.key.starts_with(name) && k.key.substr(name.size()).starts_with('.');
  });
}

Launch read_launch(const LaunchInput& input, const Files& files) {
  const FileText read = files.read(input.path, kMostScript);
  if (!read.error.empty()) throw InputError(fmt::format("{}: {}", input.path, read.error));
  Problems problems;
  const std::string ending = std::filesystem::path(input.path).extension().string();
  Launch launch;
  if (ending == ".yaml" || ending == ".yml") {
    const YamlNode root = parse_yaml(read.text, {input.path, "", "", true}, problems);
    if (!problems.empty()) throw InputError(problems);
    launch = YamlArguments(input, problems).read(root);
  } else {
    launch = ScriptReader(input, problems).read(read.text);
  }
  std::vector<MarkedText> extra;
  for (const std::string& word : input.extra) extra.emplace_back(word, 0);
  for (LaunchArgument& argument : arguments_of(extra, "the command line"))
    launch.arguments.push_back(std::move(argument));
  return launch;
}

}  // namespace moesim
