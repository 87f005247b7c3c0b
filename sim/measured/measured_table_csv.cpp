#include "measured/measured_table_csv.hpp"

#include "config/text.hpp"

namespace moesim {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \t") - begin + 1));
}

class CsvParser {
 public:
  CsvParser(std::string_view text, const std::string& file, Problems& problems)
      : text_(text), file_(file), problems_(problems) {
    if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
  }

  std::vector<CsvRecord> records() {
    std::vector<CsvRecord> records;
    while (at_ < text_.size()) {
      CsvRecord record = this->record();
      if (record.size() > 1 || !record[0].text.empty()) records.push_back(std::move(record));
    }
    return records;
  }

 private:
  CsvRecord record() {
    CsvRecord record;
    for (;;) {
      record.push_back(cell());
      if (at_ < text_.size() && text_[at_] == ',') {
        advance();
        continue;
      }
      while (at_ < text_.size() && (text_[at_] == '\r' || text_[at_] == '\n')) {
        const bool end = text_[at_] == '\n';
        advance();
        if (end) break;
      }
      return record;
    }
  }

  CsvCell cell() {
    CsvCell cell;
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) advance();
    cell.place = here();
    if (at_ < text_.size() && text_[at_] == '"')
      cell.text = quoted();
    else
      cell.text = plain();
    return cell;
  }

  std::string plain() {
    const size_t begin = at_;
    while (at_ < text_.size() && !ends_cell(text_[at_])) advance();
    return trimmed(text_.substr(begin, at_ - begin));
  }

  std::string quoted() {
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

  static bool ends_cell(char c) { return c == ',' || c == '\n' || c == '\r'; }
  Place here() const { return {file_, line_, column_}; }

  void advance() {
    if (text_[at_++] == '\n') {
      ++line_;
      column_ = 1;
    } else {
      ++column_;
    }
  }

  std::string_view text_;
  const std::string& file_;
  Problems& problems_;
  size_t at_ = 0;
  int line_ = 1, column_ = 1;
};

}  // namespace

std::vector<CsvRecord> parse_csv(std::string_view text, const std::string& file,
                                 Problems& problems) {
  if (const TextFault fault = find_text_fault(text); !fault.what.empty()) {
    problems.add({file, fault.line, fault.column}, "", fault.what);
    return {};
  }
  return CsvParser(text, file, problems).records();
}

}  // namespace moesim
