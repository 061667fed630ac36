#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "stress/report/costs.h"
#include "stress/report/machine_readable.h"
#include "stress/report/outcomes.h"
#include "stress/verdict.h"
#include "stress/version.h"

namespace hvo::stress {

namespace {

using Json = nlohmann::ordered_json;

std::string cpu_model() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

Json environment() {
  utsname name{};
  uname(&name);
  return {{"cpu", cpu_model()},
          {"cores", std::thread::hardware_concurrency()},
          {"kernel", fmt::format("{} {}", name.sysname, name.release)},
          {"compiler", HVO_COMPILER},
          {"build_type", HVO_BUILD_TYPE},
          {"sanitizers", HVO_SANITIZERS}};
}

Json config(const RunOptions& o) {
  const MachineConfig& m = o.machine;
  Json pools = Json::array();
  for (const PoolConfig& p : m.pools) {
    if (p.order.v == 0) continue;
    pools.push_back({{"size", size_name(m.geometry.folio_bytes(p.order))},
                     {"hugepages", p.nr_huge_pages},
                     {"overcommit", p.nr_overcommit_huge_pages}});
  }
  Json limit = Json::object();
  if (o.seconds != 0) limit["seconds"] = o.seconds;
  if (o.nr_ops != 0) limit["operations"] = o.nr_ops;
  if (o.nr_rounds != 0) limit["rounds"] = o.nr_rounds;
  return {{"scenario", o.scenario->name},
          {"design", m.design->name},
          {"kernels", m.design->kernels},
          {"geometry", m.geometry.name},
          {"memory_pages", m.memory_pages},
          {"pools", pools},
          {"at_boot", std::ranges::any_of(m.pools, &PoolConfig::at_boot)},
          {"hot_added_pages", m.self_hosted_pages},
          {"cpus", m.nr_cpus},
          {"nodes", m.nr_nodes},
          {"threads", o.nr_threads},
          {"flush", m.flush_by == FlushBy::ipi ? "ipi" : "broadcast"},
          {"mmu", m.mmu == Mmu::host ? "host" : "software"},
          {"ll_sc", m.ll_sc},
          {"break_before_make", m.break_before_make},
          {"fail_alloc", failures_text(m.failures)},
          {"without", removed_text(m.safeguards)},
          {"swarm", o.swarm},
          {"perturb", perturb_name(o.perturb)},
          {"limit", limit},
          {"hang_timeout", o.hang_timeout}};
}

Json outcomes(const RunResult& r) {
  Json list = Json::array();
  for (const Outcome& o : kOutcomes) {
    list.push_back({{"key", o.name}, {"grade", grade_name(o.grade)}, {"count", r.outcomes.of(o.key)}, {"why", o.why}});
  }
  return list;
}

Json windows(const RunOptions& o, const RunResult& r) {
  Json list = Json::array();
  for (const Window& w : o.scenario->windows) {
    const WindowState state = window_state(o, r, w);
    const auto i = static_cast<unsigned>(w.event);
    list.push_back({{"name", kEventNames[i]},
                    {"text", kEventTexts[i]},
                    {"hits", r.events[w.event]},
                    {"state", state == WindowState::hit      ? "hit"
                              : state == WindowState::missed ? "missed"
                                                             : "not asked"}});
  }
  return list;
}

Json violations(const RunOptions& o, const RunResult& r) {
  Json list = Json::array();
  for (const Finding& f : r.findings) {
    const Violation& v = f.violation;
    list.push_back({{"rule", rule_name(v.rule)},
                    {"meaning", rule_meaning(v.rule)},
                    {"operation", op_name(v.op)},
                    {"cpu", v.cpu},
                    {"what", v.what},
                    {"object", v.object},
                    {"expected", v.expected},
                    {"seen", v.seen},
                    {"round", f.round},
                    {"round_seed", o.seed_of_round(f.round)},
                    {"command", command_of_round(o, f.round)}});
  }
  return list;
}

Json actors(const RunResult& r) {
  Json list = Json::array();
  for (const ActorRuns& a : r.actors) {
    list.push_back({{"name", a.name},
                    {"cpus", a.on_first_cpu ? "first" : "others"},
                    {"rounds", a.nr_rounds},
                    {"runs", a.nr_runs}});
  }
  return list;
}

}  // namespace

std::string list_json() {
  Json all{{"scenarios", Json::array()},
           {"designs", Json::array()},
           {"geometries", Json::array()},
           {"safeguards", Json::array()}};
  for (const Scenario& s : scenarios()) {
    Json names = Json::array();
    for (const Window& w : s.windows) names.push_back(kEventNames[static_cast<unsigned>(w.event)]);
    all["scenarios"].push_back({{"name", s.name}, {"what", s.what}, {"windows", names}});
  }
  for (const Design& d : kDesigns) all["designs"].push_back({{"name", d.name}, {"kernels", d.kernels}});
  for (const Geometry& g : kGeometries) all["geometries"].push_back({{"name", g.name}, {"what", g.what}});
  for (const SafeguardInfo& s : kSafeguards)
    all["safeguards"].push_back({{"name", s.name}, {"bug", s.bug}, {"source", s.source}, {"what", s.what}});
  return all.dump(2) + "\n";
}

std::string json_text(const RunOptions& o, const RunResult& r) {
  const Verdict verdict = verdict_of(o, r);
  Json counters = Json::object();
  for (unsigned i = 0; i < kNrEvents; ++i) {
    const bool is_asked = shows(o.machine.mmu, static_cast<Event>(i));
    counters[std::string(kEventNames[i])] = is_asked ? Json(r.events.v[i]) : Json(nullptr);
  }
  const Json all{
      {"tool", "hvo-stress"},
      {"version", kVersion},
      {"commit", kCommit},
      {"command", command_of(o)},
      {"seed", o.seed},
      {"config", config(o)},
      {"environment", environment()},
      {"operations", r.nr_ops},
      {"lookups", r.nr_lookups()},
      {"rounds", r.nr_rounds},
      {"rounds_not_started_together", r.nr_rounds_apart},
      {"seconds", r.seconds},
      {"interrupted", r.is_interrupted},
      {"outcomes", outcomes(r)},
      {"known_holes", known_holes_json(*o.machine.design, r.outcomes)},
      {"windows", windows(o, r)},
      {"violations", violations(o, r)},
      {"actors", actors(r)},
      {"counters", counters},
      {"frames_saved", {{"end", r.frames_saved}, {"peak", r.frames_saved_peak}, {"of", r.frames_of_vmemmap}}},
      {"validate", r.is_hung                            ? "not done"
                   : r.outcomes.of(Key::not_valid) == 0 ? "right"
                                                        : "failed"},
      {"first_bad_round", r.first_bad_round ? Json{{"round", *r.first_bad_round},
                                                   {"seed", o.seed_of_round(*r.first_bad_round)},
                                                   {"seconds", r.first_bad_seconds.value_or(r.seconds)},
                                                   {"command", command_of_round(o, *r.first_bad_round)},
                                                   {"explore", command_of_exploration(o, *r.first_bad_round)}}
                                            : Json(nullptr)},
      {"verdict", verdict_name(verdict)},
      {"exit_code", exit_code(verdict)}};
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace hvo::stress
