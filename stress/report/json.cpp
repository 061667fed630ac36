#include <fmt/format.h>
#include <sys/utsname.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "stress/report/machine_readable.h"
#include "stress/verdict.h"

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
  return {{"scenario", o.scenario->name},
          {"design", m.design->name},
          {"kernels", m.design->kernels},
          {"geometry", m.geometry.name},
          {"memory_pages", m.memory_pages},
          {"pools", pools},
          {"cpus", m.nr_cpus},
          {"threads", o.nr_threads},
          {"flush", m.flush_by == FlushBy::ipi ? "ipi" : "broadcast"},
          {"ll_sc", m.ll_sc},
          {"fail_alloc", failures_text(m.failures)},
          {"without", removed_text(m.safeguards)},
          {"swarm", o.swarm},
          {"perturb", perturb_name(o.perturb)}};
}

Json outcomes(const RunResult& r) {
  Json list = Json::array();
  for (const Outcome& o : kOutcomes) {
    list.push_back({{"key", o.name}, {"grade", grade_name(o.grade)}, {"count", r.outcomes.of(o.key)}, {"why", o.why}});
  }
  return list;
}

Json holes(const RunOptions& o, const RunResult& r) {
  Json list = Json::array();
  const auto rows = o.machine.design->holes;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    list.push_back({{"rule", rule_name(rows[i].rule)},
                    {"operation", op_name(rows[i].op)},
                    {"fixed_by", rows[i].fixed_by},
                    {"why", rows[i].why},
                    {"count", r.outcomes.holes[i]}});
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
                    {"operation", op_name(v.op)},
                    {"cpu", v.cpu},
                    {"what", v.what},
                    {"object", v.object},
                    {"expected", v.expected},
                    {"seen", v.seen},
                    {"round", f.round},
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

std::string json_text(const RunOptions& o, const RunResult& r) {
  const Verdict verdict = verdict_of(o, r);
  Json counters = Json::object();
  for (unsigned i = 0; i < kNrEvents; ++i) counters[std::string(kEventNames[i])] = r.events.v[i];
  const Json all{
      {"tool", "hvo-stress"},
      {"version", HVO_VERSION},
      {"commit", HVO_COMMIT},
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
      {"known_holes", holes(o, r)},
      {"windows", windows(o, r)},
      {"violations", violations(o, r)},
      {"actors", actors(r)},
      {"counters", counters},
      {"frames_saved", {{"end", r.frames_saved}, {"peak", r.frames_saved_peak}, {"of", r.frames_of_vmemmap}}},
      {"verdict", verdict_name(verdict)},
      {"exit_code", exit_code(verdict)}};
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace hvo::stress
