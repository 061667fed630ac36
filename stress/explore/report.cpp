#include "stress/explore/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "program/exit_codes.h"
#include "stress/numbers.h"
#include "stress/report/outcomes.h"
#include "stress/verdict.h"
#include "stress/version.h"

namespace hvo::stress {

namespace {

bool is_depth_first(const ExploreOptions& o) { return o.search.strategy.kind == StrategySpec::Kind::dfs; }

/// The part of the schedules within the bound that was run, of 1.
double share_done(const SearchResult& r) {
  if (r.is_complete) return 1;
  const double all = static_cast<double>(r.nr_schedules) + r.nr_left;
  return all > 0 ? static_cast<double>(r.nr_schedules) / all : 0;
}

std::string share_text(const SearchResult& r) {
  const double percent = share_done(r) * 100;
  return percent < 0.1 ? "less than 0.1 %" : fmt::format("about {:.1f} %", std::min(percent, 99.9));
}

double rate(u64 n, double seconds) { return seconds > 0 ? static_cast<double>(n) / seconds : 0; }

std::string coverage_text(const ExploreOptions& o, const SearchResult& r) {
  if (!is_depth_first(o)) return fmt::format("{}, a sample\n", strategy_text(o.search.strategy));
  const u32 asked = o.search.strategy.n;
  if (r.is_complete && r.bound == asked)
    return fmt::format("complete: every schedule of up to {}\n", plural(asked, "preemption"));
  const std::string before =
      r.bound == 0 || !o.search.reduced ? "" : fmt::format("complete up to {}; ", plural(r.bound - 1, "preemption"));
  return fmt::format("INCOMPLETE: {}{} of up to {}, {} asked for\n", before, share_text(r),
                     plural(r.bound, "preemption"), asked);
}

/// Wilson's interval of 95 %.
std::pair<double, double> interval(u64 k, u64 n) {
  constexpr double kZ = 1.96;
  const double all = static_cast<double>(n);
  const double p = static_cast<double>(k) / all;
  const double middle = p + kZ * kZ / (2 * all);
  const double half = kZ * std::sqrt(p * (1 - p) / all + kZ * kZ / (4 * all * all));
  const double scale = 1 + kZ * kZ / all;
  return {std::max(0.0, (middle - half) / scale), std::min(1.0, (middle + half) / scale)};
}

/// How likely a schedule is to end in what is searched for. Of a depth-first search that says nothing: there it is the
/// part of all schedules.
std::string probability_text(const ExploreOptions& o, const SearchResult& r) {
  if (r.nr_witnesses == 0) return "";
  const std::string hits =
      fmt::format("\n{} of {} end in what is searched for", r.nr_witnesses, plural(r.nr_schedules, "schedule"));
  if (is_depth_first(o)) return hits + "\n";
  const auto [low, high] = interval(r.nr_witnesses, r.nr_schedules);
  return hits + fmt::format(": {:.3g} % of such ones\n(95 % interval {:.3g} to {:.3g} %)\n",
                            100.0 * static_cast<double>(r.nr_witnesses) / static_cast<double>(r.nr_schedules),
                            100 * low, 100 * high);
}

std::string windows_text(const ExploreOptions& o, const SearchResult& r) {
  if (o.scenario == nullptr) return "";
  std::string s = "\nwindows\n";
  for (const Window& w : o.scenario->windows) {
    if (!is_asked(w, o.machine)) continue;
    s += fmt::format("{:>12}  {:<6}  {}\n", r.events[w.event], r.events[w.event] != 0 ? "hit" : "MISSED",
                     kEventTexts[static_cast<unsigned>(w.event)]);
  }
  return s;
}

bool has_missed_window(const ExploreOptions& o, const SearchResult& r) {
  return o.scenario != nullptr && std::ranges::any_of(o.scenario->windows, [&](const Window& w) {
           return is_asked(w, o.machine) && r.events[w.event] == 0;
         });
}

std::string_view verdict_word(ExploreVerdict v) {
  switch (v) {
    case ExploreVerdict::pass: return "PASS";
    case ExploreVerdict::found: return "FOUND";
    case ExploreVerdict::not_found: return "NOT FOUND";
    case ExploreVerdict::violation: return "VIOLATION";
    case ExploreVerdict::undetermined: return "NOT DETERMINED";
    case ExploreVerdict::incomplete: return "INCOMPLETE";
    case ExploreVerdict::vacuous: return "VACUOUS";
  }
  return "?";
}

std::string verdict_text(const ExploreOptions& o, const SearchResult& r) {
  const ExploreVerdict verdict = verdict_of(o, r);
  const std::string all = plural(r.nr_schedules, "schedule");
  const std::string sought = o.search.find ? std::string(kOutcomes[static_cast<unsigned>(*o.search.find)].name) : "";
  std::string s = std::string(verdict_word(verdict)) + ": ";
  switch (verdict) {
    case ExploreVerdict::pass:
      return s + (is_depth_first(o) ? "nothing forbidden in any of them" : "nothing forbidden in " + all);
    case ExploreVerdict::found: return s + fmt::format("{} after {}, {:.1f} s", sought, all, r.seconds);
    case ExploreVerdict::not_found: return s + fmt::format("{} is in none of them", sought);
    case ExploreVerdict::violation: return s + fmt::format("what must not be, within {}", all);
    case ExploreVerdict::undetermined:
      return s + fmt::format("{} of {} did not do the same again", r.nr_undetermined, all);
    case ExploreVerdict::incomplete:
      return s + fmt::format("no {} so far{}", sought.empty() ? "forbidden outcome" : sought,
                             r.is_interrupted ? ", interrupted" : "");
    case ExploreVerdict::vacuous: return s + "nothing forbidden, but a window was never hit: give it longer";
  }
  return s;
}

/// The schedule that the story tells.
nlohmann::ordered_json witness_json(const ExploreOptions& o, const ScheduleFile& schedule) {
  using Json = nlohmann::ordered_json;
  const Witness& w = schedule.witness;
  Json seen = Json::array();
  for (const Outcome& x : kOutcomes) {
    const bool is_asked_for = x.grade == Grade::forbidden || x.key == o.search.find;
    if (is_asked_for && w.outcomes.of(x.key) != 0) seen.push_back(x.name);
  }
  Json rules = Json::array();
  for (unsigned i = 0; i < w.outcomes.nr_first; ++i) rules.push_back(rule_name(w.outcomes.first[i].rule));
  Json holes = Json::array();
  for (std::size_t i = 0; i < o.machine.design->holes.size(); ++i) {
    if (w.outcomes.holes[i] != 0) holes.push_back(op_name(o.machine.design->holes[i].op));
  }
  Json json{{"program", schedule.program}, {"scenario", schedule.subject}};
  json["strategy"] = strategy_text(w.strategy);
  json["index"] = w.index;
  json["steps"] = w.nr_steps;
  json["decisions"] = w.decisions.size();
  json["outcomes"] = std::move(seen);
  json["known_holes"] = std::move(holes);
  json["rules"] = std::move(rules);
  return json;
}

}  // namespace

std::string plural(u64 n, std::string_view what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); }

ExploreVerdict verdict_of(const ExploreOptions& o, const SearchResult& r) {
  const bool whole = is_depth_first(o) && r.is_complete && r.bound == o.search.strategy.n;
  const u64 nr_sought = o.search.find ? r.outcomes.of(*o.search.find) : 0;
  const bool is_sought_forbidden =
      o.search.find && kOutcomes[static_cast<unsigned>(*o.search.find)].grade == Grade::forbidden;
  if (r.nr_undetermined != 0) return ExploreVerdict::undetermined;
  if (r.outcomes.nr_forbidden() > (is_sought_forbidden ? nr_sought : 0)) return ExploreVerdict::violation;
  if (nr_sought != 0) return ExploreVerdict::found;
  if (o.search.find) return whole ? ExploreVerdict::not_found : ExploreVerdict::incomplete;
  if (r.is_interrupted || (is_depth_first(o) && !whole)) return ExploreVerdict::incomplete;
  return has_missed_window(o, r) ? ExploreVerdict::vacuous : ExploreVerdict::pass;
}

int exit_code(const ExploreOptions& o, ExploreVerdict verdict) {
  switch (verdict) {
    case ExploreVerdict::pass: return kPass;
    case ExploreVerdict::found: return o.is_bisecting ? kViolation : kPass;
    case ExploreVerdict::not_found: return o.is_bisecting ? kPass : kVacuous;
    case ExploreVerdict::violation:
    case ExploreVerdict::undetermined: return kViolation;
    case ExploreVerdict::incomplete:
    case ExploreVerdict::vacuous: return o.is_bisecting ? kBisectSkip : kVacuous;
  }
  return kViolation;
}

/// How many steps were not taken again, since a schedule that begins alike had taken them.
std::string taken_text(const SearchResult& r) {
  if (r.nr_steps_taken == r.nr_steps) return "";
  const double share = static_cast<double>(r.nr_steps_taken) / static_cast<double>(r.nr_steps);
  return fmt::format("; {:.0f} % of the steps taken, the others come from checkpoints", 100 * share);
}

std::string explore_text(const ExploreOptions& o, const SearchResult& r, bool colour) {
  std::string s = fmt::format("\n{} on {}, {}, {} CPUs, memory {}, flush {}\n", o.subject, o.machine.design->name,
                              o.machine.geometry.name, o.machine.nr_cpus, o.search.engine.weak ? "weak" : "sc",
                              o.machine.flush_by == FlushBy::ipi ? "ipi" : "broadcast");
  s += fmt::format("{}, {} steps, {}, {:.1f} s on {}{}\n", plural(r.nr_schedules, "schedule"), r.nr_steps,
                   plural(r.nr_states, "end state"), r.seconds, plural(o.search.nr_workers, "worker"),
                   r.is_interrupted ? ", interrupted" : "");
  s += fmt::format("{} schedules/s, {} steps/s{}\n", short_number(rate(r.nr_schedules, r.seconds)),
                   short_number(rate(r.nr_steps_taken, r.seconds)), taken_text(r));
  s += coverage_text(o, r);
  s += outcomes_text(*o.machine.design, r.outcomes, colour);
  if (r.ends[static_cast<std::size_t>(End::deadlock)] != 0 || r.ends[static_cast<std::size_t>(End::endless)] != 0) {
    s += fmt::format("{:>12}  deadlocks\n{:>12}  schedules of more than {} steps\n", r.ends[2], r.ends[3],
                     o.search.engine.most_steps);
  }
  s += windows_text(o, r);
  s += probability_text(o, r);
  if (r.nr_checked != 0)
    s += fmt::format("\n{} of {} schedules ran twice alike\n", r.nr_checked - r.nr_undetermined, r.nr_checked);
  const ExploreVerdict v = verdict_of(o, r);
  const bool is_good = v == ExploreVerdict::pass || v == ExploreVerdict::found;
  const bool is_bad = v == ExploreVerdict::violation || v == ExploreVerdict::undetermined;
  const Grade grade = is_good ? Grade::acceptable : is_bad ? Grade::forbidden : Grade::known_hole;
  return s + "\n" + painted(grade, verdict_text(o, r), colour) + "\n";
}

std::string explore_json(const ExploreOptions& o, const SearchResult& r, const Told* story,
                         const ScheduleFile* schedule) {
  using Json = nlohmann::ordered_json;
  Json outcomes = Json::array();
  for (const Outcome& x : kOutcomes) {
    outcomes.push_back({{"key", x.name}, {"grade", grade_name(x.grade)}, {"count", r.outcomes.of(x.key)}});
  }
  Json events = Json::object();
  for (unsigned i = 0; i < kNrEvents; ++i) {
    if (r.events.v[i] != 0) events[std::string(kEventTexts[i])] = r.events.v[i];
  }
  const ExploreVerdict v = verdict_of(o, r);
  Json json{{"version", kVersion},
            {"commit", kCommit},
            {"command", command_of(o)},
            {"scenario", o.subject},
            {"design", o.machine.design->name},
            {"geometry", o.machine.geometry.name},
            {"cpus", o.machine.nr_cpus},
            {"memory", o.search.engine.weak ? "weak" : "sc"},
            {"strategy", strategy_text(o.search.strategy)},
            {"seed", o.search.seed},
            {"workers", o.search.nr_workers},
            {"schedules", r.nr_schedules},
            {"steps", r.nr_steps},
            {"steps_taken", r.nr_steps_taken},
            {"end_states", r.nr_states},
            {"seconds", r.seconds},
            {"complete", r.is_complete},
            {"bound", r.bound},
            {"schedules_left", r.nr_left},
            {"interrupted", r.is_interrupted},
            {"deadlocks", r.ends[static_cast<std::size_t>(End::deadlock)]},
            {"endless", r.ends[static_cast<std::size_t>(End::endless)]},
            {"outcomes", outcomes},
            {"known_holes", known_holes_json(*o.machine.design, r.outcomes)},
            {"events", events},
            {"witnesses", r.nr_witnesses},
            {"verdict", verdict_word(v)},
            {"exit_code", exit_code(o, v)}};
  if (story != nullptr) json["story"] = told_json(*story);
  if (schedule != nullptr) json["witness"] = witness_json(o, *schedule);
  return json.dump(2) + "\n";
}

std::string explore_progress(const ExploreOptions& o, const SearchResult& r) {
  std::string s = fmt::format("{:.0f} s: {} schedules, {}/s, {} states", r.seconds,
                              short_number(static_cast<double>(r.nr_schedules)),
                              short_number(rate(r.nr_schedules, r.seconds)), r.nr_states);
  if (is_depth_first(o)) s += fmt::format(", up to {}", plural(r.bound, "preemption"));
  if (r.nr_left > 0) {
    s += fmt::format(": {:.0f} %, {} s left", 100 * share_done(r),
                     short_number(r.nr_left / rate(r.nr_schedules, r.seconds)));
  }
  return s + fmt::format(", {} forbidden", r.outcomes.nr_forbidden());
}

}  // namespace hvo::stress
