#include "report/flat.hpp"

#include <fmt/format.h>

namespace moesim {

namespace {

std::string cell_of(const SettingTree& setting) {
  if (setting.kind == SettingTree::Kind::scalar)
    return std::visit([](const auto& value) { return fmt::format("{}", value); }, setting.scalar);
  std::string text;
  for (const SettingTree& item : setting.items)
    text += (text.empty() ? "" : ", ") + (item.key.empty() ? "" : item.key + ": ") + cell_of(item);
  return (setting.kind == SettingTree::Kind::list ? "[" : "{") + text +
         (setting.kind == SettingTree::Kind::list ? "]" : "}");
}

std::optional<double> number_of(const SettingTree& setting) {
  if (setting.kind != SettingTree::Kind::scalar) return std::nullopt;
  if (const auto* number = std::get_if<double>(&setting.scalar)) return *number;
  if (const auto* number = std::get_if<int64_t>(&setting.scalar))
    return static_cast<double>(*number);
  return std::nullopt;
}

class Flattener : public FigureVisitor {
 public:
  explicit Flattener(unsigned traits) : traits_(traits) {}
  std::vector<FlatFigure> take() { return std::move(figures_); }

 protected:
  // fmt prints the fewest digits that read back as the same double.
  void on_number(const Figure& figure, double& value) override {
    add(figure, fmt::format("{}", value), value);
  }
  void on_integer(const Figure& figure, int64_t& value) override {
    add(figure, fmt::format("{}", value), static_cast<double>(value));
  }
  void on_unsigned(const Figure& figure, uint64_t& value) override {
    add(figure, fmt::format("{}", value), static_cast<double>(value));
  }
  void on_flag(const Figure& figure, bool& value) override {
    add(figure, value ? "true" : "false", std::nullopt);
  }
  void on_text(const Figure& figure, std::string& value) override {
    add(figure, value, std::nullopt);
  }
  void on_numbers(const Figure&, std::vector<double>&) override {}
  void on_texts(const Figure&, std::vector<std::string>&) override {}
  void on_settings(const Figure& figure, SettingTree& settings) override {
    if (figure.has(traits_) && lists_ == 0) add_leaves(figure, path_ + figure.key, settings);
  }
  bool enter(const Figure& figure) override {
    lengths_.push_back(path_.size());
    path_ += std::string(figure.key) + ".";
    return true;
  }
  void leave(const Figure&) override {
    path_.resize(lengths_.back());
    lengths_.pop_back();
  }
  size_t enter_list(const Figure&, size_t count) override {
    ++lists_;
    return count;
  }
  void enter_item(size_t) override {}
  void leave_item() override {}
  void leave_list(const Figure&) override { --lists_; }
  bool takes_summaries() const override { return true; }
  void in_summary(bool inside) override { summary_ = inside; }

 private:
  void add(const Figure& figure, std::string cell, std::optional<double> number) {
    if (!figure.has(traits_) || lists_ > 0) return;
    figures_.push_back({path_ + figure.key, path_.substr(0, path_.rfind('.')), figure,
                        std::move(cell), number, summary_});
  }
  void add_leaves(const Figure& figure, const std::string& path, const SettingTree& map) {
    for (const SettingTree& item : map.items) {
      const std::string key = path + "." + item.key;
      if (item.kind == SettingTree::Kind::map && !item.items.empty())
        add_leaves(figure, key, item);
      else
        figures_.push_back({key, path, figure, cell_of(item), number_of(item), false});
    }
  }

  const unsigned traits_;
  std::string path_;
  std::vector<size_t> lengths_;
  int lists_ = 0;
  bool summary_ = false;
  std::vector<FlatFigure> figures_;
};

}  // namespace

std::vector<FlatFigure> flat_figures(const VisitFigures& visit_all, unsigned traits) {
  Flattener flattener(traits);
  visit_all(flattener);
  return flattener.take();
}

std::string column_of(const FlatFigure& figure) {
  return figure.figure.column[0] == '\0' ? figure.path : figure.figure.column;
}

}  // namespace moesim
