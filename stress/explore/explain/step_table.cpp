#include "stress/explore/explain/step_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "stress/explore/explain/lines.h"

namespace hvo::stress {

namespace {

constexpr std::size_t kMostColumns = 4;
constexpr std::size_t kStepWidth = 6;  ///< the mark, a step number of up to five figures
constexpr std::string_view kBold = "\033[1;31m";
constexpr std::string_view kDim = "\033[2m";
constexpr std::string_view kReset = "\033[0m";

std::string_view what_name(Row::What what) {
  switch (what) {
    case Row::What::access: return "access";
    case Row::What::request: return "request";
    case Row::What::served: return "served";
    case Row::What::wait: return "wait";
    case Row::What::section: return "rcu";
    case Row::What::preempted: return "preempted";
    case Row::What::choice: return "choice";
    case Row::What::violation: return "violation";
    case Row::What::done: return "done";
    case Row::What::folded: return "folded";
  }
  return "?";
}

class Table {
 public:
  Table(const Story& story, const TableStyle& style) : story_(story), style_(style) {
    for (const Row& row : story.rows) {
      if (std::ranges::find(cpus_, row.cpu) == cpus_.end()) cpus_.push_back(row.cpu);
    }
    std::ranges::sort(cpus_);
    is_one_column_ = cpus_.size() > kMostColumns;
    const std::size_t nr = is_one_column_ ? 1 : std::max<std::size_t>(cpus_.size(), 1);
    function_width_ = nr <= 2 ? 20 : 12;
    const std::size_t used = kStepWidth + 1 + function_width_ + nr;
    cell_width_ = style.columns > used + nr * 10 ? (style.columns - used) / nr : 10;
  }

  std::string operator()() {
    heading();
    const Story shown = in_lines(style_.most_rows);
    if (shown.nr_before != 0) put(fmt::format("       ({} rows before, in the JSON)", shown.nr_before), kDim);
    for (const Row& row : shown.rows) add(row);
    if (shown.nr_after != 0) put(fmt::format("       ({} rows behind, in the JSON)", shown.nr_after), kDim);
    return std::move(text_);
  }

 private:
  /// As many rows as fit: what has to be broken takes more than one line.
  Story in_lines(std::size_t most) const {
    for (std::size_t rows = most;; --rows) {
      Story story = story_.at_most(rows);
      std::size_t lines = 0;
      for (const Row& row : story.rows) lines += lines_of(row).size();
      if (lines <= most || rows <= 1) return story;
    }
  }
  std::string cpu_title(std::size_t column) const { return fmt::format("CPU {}", cpus_[column]); }
  std::size_t nr_cells() const { return is_one_column_ ? 1 : cpus_.size(); }

  void heading() {
    std::string titles = fmt::format("{:>{}} {:<{}}", "step", kStepWidth, "function", function_width_);
    std::string rules = fmt::format("{:>{}} {:-<{}}", "----", kStepWidth, "", function_width_);
    for (std::size_t i = 0; i < nr_cells(); ++i) {
      titles += " " + padded(is_one_column_ ? "all CPUs" : cpu_title(i), cell_width_);
      rules += " " + std::string(cell_width_, '-');
    }
    put(titles, "");
    put(rules, "");
  }
  std::vector<std::string> lines_of(const Row& row) const {
    const std::string who = is_one_column_ ? fmt::format("CPU {}: ", row.cpu) : "";
    if (row.what == Row::What::folded) {
      const std::string nr = fmt::format("({} step{}", row.nr_steps, row.nr_steps == 1 ? "" : "s");
      const std::size_t used = who.size() + nr.size() + std::string_view("   )").size();
      if (row.op == row.last_op || used + 8 > cell_width_) return {who + nr + ")"};
      return {fmt::format("{}{} … {})", who, nr, shortened(op_name(row.last_op), cell_width_ - used))};
    }
    return lines_of_width(who + row.text, cell_width_);
  }
  void put(std::string_view line, std::string_view colour) {
    const std::size_t end = line.find_last_not_of(' ');
    const std::string_view trimmed = line.substr(0, end == std::string_view::npos ? 0 : end + 1);
    const bool painted = style_.colour && !colour.empty();
    text_ += fmt::format("{}{}{}\n", painted ? colour : "", trimmed, painted ? kReset : "");
  }

  void add(const Row& row) {
    const bool is_folded = row.what == Row::What::folded;
    const std::string_view colour = row.is_culprit ? kBold : is_folded ? kDim : "";
    const auto column = static_cast<std::size_t>(std::ranges::find(cpus_, row.cpu) - cpus_.begin());
    bool is_first = true;
    for (const std::string& line : lines_of(row)) {
      const bool is_named = is_first && row.what != Row::What::preempted && row.what != Row::What::done;
      const std::string step = is_first && !is_folded ? fmt::format("{}", row.step) : "";
      std::string out = fmt::format("{} {:>{}} ", row.is_culprit && is_first ? "»" : " ", step, kStepWidth - 2);
      out += padded(is_named ? shortened(op_name(row.op), function_width_) : "", function_width_);
      for (std::size_t i = 0; !is_one_column_ && i < column; ++i) out.append(cell_width_ + 1, ' ');
      out += ' ';
      out += line;
      put(out, colour);
      is_first = false;
    }
  }

  const Story& story_;
  TableStyle style_;
  std::vector<u8> cpus_;
  bool is_one_column_ = false;
  std::size_t function_width_ = 0;
  std::size_t cell_width_ = 0;
  std::string text_;
};

}  // namespace

std::string step_table(const Story& story, const TableStyle& style) { return Table(story, style)(); }

nlohmann::json step_table_json(const Story& story) {
  nlohmann::json rows = nlohmann::json::array();
  for (const Row& row : story.rows) {
    nlohmann::json j{{"what", what_name(row.what)}, {"step", row.step}, {"cpu", row.cpu},
                     {"function", op_name(row.op)}, {"text", row.text}, {"culprit", row.is_culprit}};
    if (row.what == Row::What::folded) {
      j["steps"] = row.nr_steps;
      j["last_function"] = op_name(row.last_op);
    }
    if (!row.object.empty()) j["object"] = row.object;
    if (!row.before.empty()) j["before"] = row.before;
    if (!row.after.empty()) j["after"] = row.after;
    rows.push_back(std::move(j));
  }
  return rows;
}

}  // namespace hvo::stress
