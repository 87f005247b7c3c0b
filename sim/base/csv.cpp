#include "base/csv.hpp"

#include "base/text.hpp"

namespace moesim {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool ends_cell(char c) { return c == ',' || c == '\n' || c == '\r'; }

}  // namespace

CsvReader::CsvReader(std::string_view text, std::string file, Problems& problems)
    : text_(text), file_(std::move(file)), problems_(problems) {
  if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
  if (const TextFault fault = find_text_fault(text_); !fault.what.empty()) {
    problems.add({file_, fault.line, fault.column}, "", fault.what);
    text_ = {};
  }
}

bool CsvReader::next(CsvRecord& record) {
  while (at_ < text_.size()) {
    read_line(record);
    if (record.size() > 1 || !record[0].text.empty()) return true;
  }
  return false;
}

void CsvReader::read_line(CsvRecord& record) {
  size_t cells = 0;
  for (;; advance()) {
    if (cells == record.size()) record.emplace_back();
    read_cell(record[cells++]);
    if (at_ == text_.size() || text_[at_] != ',') break;
  }
  record.resize(cells);
  while (at_ < text_.size() && (text_[at_] == '\r' || text_[at_] == '\n')) {
    const bool end = text_[at_] == '\n';
    advance();
    if (end) break;
  }
}

void CsvReader::read_cell(CsvCell& cell) {
  while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) advance();
  cell.place = here();
  if (at_ < text_.size() && text_[at_] == '"')
    cell.text = quoted();
  else
    cell.text = plain();
}

std::string_view CsvReader::plain() {
  const size_t begin = at_;
  while (at_ < text_.size() && !ends_cell(text_[at_])) advance();
  return trim(text_.substr(begin, at_ - begin));
}

std::string CsvReader::quoted() {
  const Place open = here();
  std::string value;
  advance();
  for (;;) {
    if (at_ == text_.size()) {
      problems_.add(open, "", "this quote is never closed");
      return value;
    }
    if (text_[at_] == '"' && at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
      advance();
    } else if (text_[at_] == '"') {
      break;
    }
    value += text_[at_];
    advance();
  }
  advance();
  const Place behind = here();
  if (!plain().empty())
    problems_.add(behind, "", "expected a comma or the end of the line after the closing quote");
  return value;
}

void CsvReader::advance() {
  if (text_[at_++] == '\n') {
    ++line_;
    column_ = 1;
  } else {
    ++column_;
  }
}

std::vector<CsvRecord> parse_csv(std::string_view text, const std::string& file,
                                 Problems& problems) {
  std::vector<CsvRecord> records;
  CsvReader reader(text, file, problems);
  for (CsvRecord record; reader.next(record);) records.push_back(std::move(record));
  return records;
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

}  // namespace moesim
