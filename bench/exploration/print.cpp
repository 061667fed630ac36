#include "bench/exploration/print.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace hvo::bench {

namespace {

using Json = nlohmann::ordered_json;
using RateOf = Spread (*)(const std::vector<Explored>&, Clock);

/// A rate and how it is printed.
struct Column {
  std::string_view title;
  RateOf rate;
  std::optional<double> Drive::* goal;
  double unit;
  int digits;
};
constexpr std::array kColumns{
    Column{"1000 schedules/s", schedules_rate, &Drive::schedules_goal, 1e3, 0},
    Column{"million steps/s", steps_rate, &Drive::steps_goal, 1e6, 1},
};

std::size_t nr_rounds(const Exploration& all) {
  return std::ranges::max(all.samples, {}, &std::vector<Explored>::size).size();
}

std::string goal_text(const Column& column, const Drive& drive, const Spread& rate, bool judges) {
  const std::optional<double>& goal = drive.*column.goal;
  if (!goal) return "";
  const char* const judged = !judges ? "" : is_met(rate, *goal) ? " met" : " missed";
  return fmt::format("  >= {:.0f}{}", *goal / column.unit, judged);
}

std::string row_name(const Drive& drive) { return drive.name() + (drive.checkpoints ? "" : " *"); }

std::string rows_text(const Exploration& all, const Column& column, bool judges) {
  std::string s = fmt::format("\n{:<29}{:>6} {:<14}{:>6}{:>8}\n", column.title, "CPU", "[quartiles]", "wall", "goal");
  for (std::size_t i = 0; i < kDrives.size(); ++i) {
    if (all.samples[i].empty()) continue;
    const auto number = [&column](double v) { return fmt::format("{:.{}f}", v / column.unit, column.digits); };
    const Spread cpu = column.rate(all.samples[i], Clock::cpu);
    const Spread wall = column.rate(all.samples[i], Clock::wall);
    s += fmt::format("{:<29}{:>6} {:<14}{:>6}{}\n", row_name(kDrives[i]), number(cpu.median),
                     fmt::format("[{} {}]", number(cpu.lower), number(cpu.upper)), number(wall.median),
                     goal_text(column, kDrives[i], cpu, judges));
  }
  return s;
}

Json spread_json(const Spread& s) { return {{"lower", s.lower}, {"median", s.median}, {"upper", s.upper}}; }

Json rate_json(const Column& column, const Drive& drive, const std::vector<Explored>& samples, bool judges) {
  if (samples.empty()) return nullptr;
  const Spread cpu = column.rate(samples, Clock::cpu);
  const std::optional<double>& goal = drive.*column.goal;
  return {{"cpu", spread_json(cpu)},
          {"wall", spread_json(column.rate(samples, Clock::wall))},
          {"goal", goal ? Json(*goal) : Json(nullptr)},
          {"met", goal && judges ? Json(is_met(cpu, *goal)) : Json(nullptr)}};
}

}  // namespace

std::string exploration_text(const Exploration& all, bool judges) {
  std::string s = fmt::format(
      "How fast hvo-stress explores: two CPUs, tiny geometry, one core\n"
      "Medians of {} interleaved rounds, a process a sample; by its CPU time,\n"
      "and by the clock. Goals are by CPU time. Steps that come from a\n"
      "checkpoint are not counted. *: each schedule run from its beginning\n",
      nr_rounds(all));
  for (const Column& column : kColumns) s += rows_text(all, column, judges);
  return s;
}

std::string exploration_json(const Exploration& all, const Facts& facts, bool judges) {
  Json json;
  for (const auto& [name, value] : facts) json["environment"][name] = value;
  json["rounds"] = nr_rounds(all);
  json["drives"] = Json::array();
  for (std::size_t i = 0; i < kDrives.size(); ++i) {
    const Drive& drive = kDrives[i];
    json["drives"].push_back({{"scenario", drive.scenario},
                              {"strategy", drive.strategy},
                              {"checkpoints", drive.checkpoints},
                              {"memory", drive.memory},
                              {"schedules", drive.nr_schedules / all.divisor},
                              {"samples", all.samples[i].size()},
                              {"schedules_per_second", rate_json(kColumns[0], drive, all.samples[i], judges)},
                              {"steps_per_second", rate_json(kColumns[1], drive, all.samples[i], judges)}});
  }
  return json.dump(2) + "\n";
}

}  // namespace hvo::bench
