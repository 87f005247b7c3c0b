#include "foreign/argument_table.hpp"

#include <algorithm>
#include <map>

#include "base/text.hpp"
#include "config/reader.hpp"
#include "config/tree.hpp"

namespace moesim {

// The text of scenarios/imports/megatron.yaml, compiled in.
extern const char* const kMegatronArgumentsYaml;

void visit(Visitor& v, ArgumentRow& r) {
  v.texts("names", r.names, "of the argument, the usual one first", Need::required);
  v.choice("kind", r.kind, "how it is read", Need::required);
  v.text("key", r.key, "of a scenario");
  v.text("gives", r.gives, "set: the key's value");
  v.text("absent", r.absent, "set: the key's value without the argument");
  v.texts("absent_too", r.absent_too, "set: further KEY=VALUE without the argument");
  v.texts("words", r.words, "value: its=ours");
  v.text("note", r.note, "why it has no effect, or what is not modelled");
}

void visit(Visitor& v, TokenizerRow& r) {
  v.text("type", r.type, "part of the tokenizer's type");
  v.text("model", r.model, "part of its model's name");
  v.integer("vocab", r.vocab, {1, 1e8}, "entries of its vocabulary", Need::required);
  // `source` is a remark that any map may carry; it is read where it is shown.
  if (v.has("source")) v.text("source", r.source, "where the size is from");
}

namespace {

struct Table {
  std::vector<ArgumentRow> arguments;
  std::vector<TokenizerRow> tokenizers;
  std::map<std::string, const ArgumentRow*, std::less<>> by_name;
};

void visit(Visitor& v, Table& t) {
  v.sections("arguments", t.arguments, "rows of the table");
  v.sections("tokenizers", t.tokenizers, "sizes of vocabularies");
}

const Table& table() {
  static const Table read = [] {
    Table t;
    Problems problems;
    const YamlNode root =
        parse_yaml(kMegatronArgumentsYaml, {"megatron.yaml", "", "", true}, problems);
    StructReader(root, "", problems).read(t);
    MOESIM_CHECK(problems.empty(), "megatron.yaml: {}", problems.text());
    for (const ArgumentRow& row : t.arguments)
      for (const std::string& name : row.names)
        MOESIM_CHECK(t.by_name.emplace(name, &row).second, "megatron.yaml: {} twice", name);
    return t;
  }();
  return read;
}

}  // namespace

std::string ArgumentRow::translated(std::string_view word) const {
  if (words.empty()) return std::string(word);
  for (const std::string& pair : words)
    if (const size_t equals = pair.find('='); pair.substr(0, equals) == word)
      return pair.substr(equals + 1);
  return "";
}

std::string ArgumentRow::translated_back(std::string_view word) const {
  if (words.empty()) return std::string(word);
  for (const std::string& pair : words)
    if (const size_t equals = pair.find('='); pair.substr(equals + 1) == word)
      return pair.substr(0, equals);
  return "";
}

const std::vector<ArgumentRow>& argument_rows() { return table().arguments; }

const ArgumentRow* find_argument(std::string_view name) {
  std::string plain(name);
  std::replace(plain.begin(), plain.end(), '_', '-');
  const auto found = table().by_name.find(plain);
  return found == table().by_name.end() ? nullptr : found->second;
}

const ArgumentRow* find_argument_of(std::string_view key) {
  for (const ArgumentRow& row : argument_rows())
    if (row.key == key && (row.kind == ArgumentKind::value || row.kind == ArgumentKind::set))
      return &row;
  return nullptr;
}

const TokenizerRow& find_tokenizer(std::string_view type, std::string_view model) {
  const std::string low_type = lowercase(type), low_model = lowercase(model);
  const auto occurs = [](const std::string& part, const std::string& in) {
    return in.find(part) != std::string::npos;
  };
  for (const TokenizerRow& row : table().tokenizers)
    if (occurs(row.type, low_type) && occurs(row.model, low_model)) return row;
  return table().tokenizers.back();
}

}  // namespace moesim
