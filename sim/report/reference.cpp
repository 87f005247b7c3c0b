#include "report/reference.hpp"

#include <fmt/format.h>

#include <vector>

#include "report/flat.hpp"
#include "report/json.hpp"

namespace moesim {

namespace {

// "; CSV, compare" and what else the traits say.
std::string remarks(const Figure& figure) {
  std::string text;
  const auto add = [&](unsigned trait, const char* remark) {
    if (figure.has(trait)) text += (text.empty() ? "" : ", ") + std::string(remark);
  };
  add(kCsv, "CSV");
  add(kResults, "results.csv");
  add(kCompare, "compare");
  add(kSetting, "compare where it differs");
  add(kWhenSet, "only where there is any");
  add(kMachine, "machine fact");
  return text;
}

std::string line(const std::string& path, const std::string& kind, const Figure& figure) {
  return fmt::format("| `{}` | {} | {} | {} |\n", path, kind, figure.doc, remarks(figure));
}

const char* kind_of(Shown shown) {
  if (shown == Shown::seconds) return "seconds";
  if (shown == Shown::bytes) return "bytes";
  return shown == Shown::percent ? "fraction" : "number";
}

class Tabulator : public FigureVisitor {
 public:
  std::string take() const { return now_ + later_; }

 protected:
  void on_number(const Figure& figure, double&) override { add(figure, kind_of(figure.shown)); }
  void on_integer(const Figure& figure, int64_t&) override { add(figure, integer_of(figure)); }
  void on_unsigned(const Figure& figure, uint64_t&) override { add(figure, integer_of(figure)); }
  void on_flag(const Figure& figure, bool&) override { add(figure, "true or false"); }
  void on_text(const Figure& figure, std::string&) override { add(figure, "text"); }
  void on_numbers(const Figure& figure, std::vector<double>&) override {
    add(figure, std::string("list of ") + (figure.shown == Shown::seconds ? "seconds" : "numbers"));
  }
  void on_texts(const Figure& figure, std::vector<std::string>&) override {
    add(figure, "list of texts");
  }
  void on_settings(const Figure& figure, SettingTree&) override { add(figure, "object"); }
  bool enter(const Figure& figure) override {
    add(figure, "object");
    open(figure, ".");
    return true;
  }
  void leave(const Figure&) override { close(); }
  bool has(const Figure&, bool) override { return true; }
  size_t enter_list(const Figure& figure, size_t) override {
    add(figure, "list");
    open(figure, "[].");
    return 1;
  }
  void enter_item(size_t) override {}
  void leave_item() override {}
  void leave_list(const Figure&) override { close(); }

 private:
  static std::string integer_of(const Figure& figure) {
    return figure.shown == Shown::bytes ? "bytes" : "integer";
  }
  // Behind the contract's keys where the figure, or the object that it is in, was added later.
  void add(const Figure& figure, const std::string& kind) {
    if (figure.has(kInternal)) return;
    const bool later = later_depth_ > 0 || (paths_.size() == 1 && figure.has(kLater));
    (later ? later_ : now_) += line(paths_.back() + figure.key, kind, figure);
  }
  void open(const Figure& figure, const char* separator) {
    if (later_depth_ > 0 || figure.has(kLater)) ++later_depth_;
    paths_.push_back(paths_.back() + figure.key + separator);
  }
  void close() {
    if (later_depth_ > 0) --later_depth_;
    paths_.pop_back();
  }

  std::string now_, later_;
  std::vector<std::string> paths_{""};
  int later_depth_ = 0;
};

constexpr const char* kHead = "| key | value | meaning | also in |\n|---|---|---|---|\n";

}  // namespace

std::string keys_table(const VisitFigures& visit_all) {
  Tabulator tabulator;
  visit_all(tabulator);
  return kHead + tabulator.take();
}

std::string reports_reference() {
  std::string text = "### Keys of a run\n\n" + keys_table(figures_of(StepReport{}));
  text += "\n### Columns of CSV that stand for lists and objects\n\n";
  text += "| column | meaning | in |\n|---|---|---|\n";
  for (const FlatFigure& figure : flat_figures_of(StepReport{}, kCsv | kResults))
    if (figure.summary || figure.figure.column[0] != '\0')
      text += fmt::format("| `{}` | {} | {} |\n", column_of(figure), figure.figure.doc,
                          remarks(figure.figure));
  return text + "\n### Keys of an explanation\n\n" + keys_table(figures_of(Explanation{}));
}

}  // namespace moesim
