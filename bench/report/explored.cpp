#include "bench/report/explored.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

#include "bench/report/report.h"

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

/// Of a text in JSON.
auto is(std::string_view text) {
  return [text](const ExploredPair& j) { return j.get<std::string>() == text; };
}

std::string row_text(std::uint64_t cpu, const std::string& text) {
  std::istringstream lines(wrapped(plain(text), 2, kColumn - 1));
  std::string rows;
  for (std::string line; std::getline(lines, line);) {
    rows += std::string(kIndent + (cpu == 0 ? 0 : kColumn), ' ') + line + "\n";
  }
  return rows;
}

/// Whose story it is: "recycle+walker".
std::string header(const std::string& scenario) {
  const auto plus = scenario.find('+');
  const std::string first = "CPU 0: " + scenario.substr(0, plus);
  if (plus == std::string::npos) return std::string(kIndent, ' ') + first + "\n";
  return fmt::format("{:{}}{:<{}}CPU 1: {}\n", "", kIndent, first, kColumn, scenario.substr(plus + 1));
}

}  // namespace

std::string explored_text(const ExploredPair& e) {
  const auto done = e.at("schedules").get<std::uint64_t>();
  const auto bound = e.at("bound").get<std::uint64_t>();
  std::string share = fmt::format("all with up to {} preemptions", bound);
  if (!e.at("complete").get<bool>()) {
    const double all = std::max(1.0, static_cast<double>(done) + e.at("schedules_left").get<double>());
    share = fmt::format("about {:.1f} % of those with up to {} preemptions, the time being up",
                        std::min(99.9, 100 * static_cast<double>(done) / all), bound);
  }
  std::string text = fmt::format("{} schedules of {}, {}: {}", done, e.at("scenario").get<std::string>(), share,
                                 e.at("verdict").get<std::string>());
  for (const auto& outcome : e.at("outcomes")) {
    const auto n = outcome.at("count").get<std::uint64_t>();
    if (n == 0 || outcome.at("grade").get<std::string>() != "FORBIDDEN") continue;
    text += fmt::format("; FORBIDDEN {} {} times", outcome.at("key").get<std::string>(), n);
  }
  return text;
}

std::uint64_t times_met(const ExploredPair& explored, std::string_view operation) {
  std::uint64_t n = 0;
  for (const auto& hole : explored.at("known_holes")) {
    if (hole.at("operation").get<std::string>() == operation) n += hole.at("count").get<std::uint64_t>();
  }
  if (n != 0 || !explored.contains("witness")) return n;
  const auto& met = explored.at("witness").at("known_holes");
  return static_cast<std::uint64_t>(std::ranges::count_if(met, is(operation)));
}

const ExploredPair* find_hole(std::span<const ExploredPair> explored, std::string_view operation) {
  const auto found =
      std::ranges::find_if(explored, [&](const ExploredPair& e) { return times_met(e, operation) != 0; });
  return found == explored.end() ? nullptr : &*found;
}

bool tells_of(const ExploredPair& e, std::string_view operation) {
  if (!e.contains("witness")) return false;
  const auto& witness = e.at("witness");
  const bool is_of_hole = std::ranges::any_of(witness.at("known_holes"), is(operation));
  return is_of_hole && std::ranges::all_of(witness.at("outcomes"), is("known-hole"));
}

std::string story_text(const ExploredPair& e) {
  if (!e.contains("story") || !e.contains("witness")) return "";
  std::string text = header(e.at("witness").at("scenario").get<std::string>());
  for (const auto& row : e.at("story").at("rows")) {
    if (!row.at("culprit").get<bool>()) continue;
    text += row_text(row.at("cpu").get<std::uint64_t>(), row.at("text").get<std::string>());
  }
  return text;
}

}  // namespace hvo::bench
