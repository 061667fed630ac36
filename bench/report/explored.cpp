#include "bench/report/explored.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>
#include <vector>

namespace hvo::bench {

namespace {

constexpr std::size_t kIndent = 4;
constexpr std::size_t kColumn = 34;  // of each CPU; two and the indent are 72

/// What the story has that a mail may not have.
std::string plain(std::string text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kPlain{{{"→", "->"}, {"…", "..."}}};
  for (const auto& [from, to] : kPlain) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
      text.replace(at, from.size(), to);
    }
  }
  return text;
}

/// Lines of a column, each after the first indented.
std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines(1);
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > kColumn - 1) lines.emplace_back(" ");
    lines.back() += (lines.back().empty() ? "" : " ") + word;
  }
  return lines;
}

std::string row_text(std::uint64_t cpu, const std::string& text) {
  std::string rows;
  for (const std::string& line : lines_of(plain(text))) {
    rows += std::string(kIndent + (cpu == 0 ? 0 : kColumn), ' ') + line + "\n";
  }
  return rows;
}

/// Whose story it is: "recycle+walker".
std::string header(const std::string& scenario) {
  const auto plus = std::min(scenario.find('+'), scenario.size());
  const std::string second = plus < scenario.size() ? "CPU 1: " + scenario.substr(plus + 1) : "";
  return fmt::format("{:{}}{:<{}}{}\n", "", kIndent, "CPU 0: " + scenario.substr(0, plus), kColumn, second);
}

}  // namespace

std::string explored_text(const Explored& e) {
  const auto done = e.at("schedules").get<std::uint64_t>();
  const auto bound = e.at("bound").get<std::uint64_t>();
  std::string share = fmt::format("all with up to {} preemptions", bound);
  if (!e.at("complete").get<bool>()) {
    const double all = static_cast<double>(done) + e.at("schedules_left").get<double>();
    share = fmt::format("about {:.1f} % of those with {} preemptions", 100 * static_cast<double>(done) / all, bound);
  }
  return fmt::format("{} schedules of {}, {}", done, e.at("scenario").get<std::string>(), share);
}

std::uint64_t times_met(const Explored& explored, std::string_view operation) {
  for (const auto& hole : explored.at("known_holes")) {
    if (hole.at("operation").get<std::string>() == operation) return hole.at("count").get<std::uint64_t>();
  }
  return 0;
}

const Explored* find_hole(std::span<const Explored> explored, std::string_view operation) {
  const auto found = std::ranges::find_if(explored, [&](const Explored& e) { return times_met(e, operation) != 0; });
  return found == explored.end() ? nullptr : &*found;
}

std::string story_text(const Explored& e) {
  if (!e.contains("story")) return "";
  std::string text = header(e.at("scenario").get<std::string>());
  for (const auto& row : e.at("story").at("rows")) {
    if (!row.at("culprit").get<bool>()) continue;
    text += row_text(row.at("cpu").get<std::uint64_t>(), row.at("text").get<std::string>());
  }
  return text;
}

}  // namespace hvo::bench
