#include "bench/summary.h"

#include <thread>

#include "bench/rounds.h"
#include "bench/spin.h"
#include "program/signals.h"

namespace hvo::bench {

namespace {

LookupRow measure_lookups(const Suite& suite, const LookupCase& c, unsigned nr_rounds) {
  auto name = [&](std::string_view design, Kind kind) {
    return lookup_name(lookup_design(design), kind, c.pattern, c.flow);
  };
  const bool has_hugepages = c.kind == Kind::full;
  const Kind shared_kind = has_hugepages ? Kind::optimized : c.kind;
  std::vector<std::string> names{
      name("none", c.kind),          name("none-again", c.kind),   name("none-branch-free", c.kind),
      name("fake-head-off", c.kind), name("fake-head-on", c.kind), name("shared-tail", shared_kind)};
  if (has_hugepages) names.push_back(name("fake-head-on", Kind::optimized));
  std::vector<const Arm*> arms;
  arms.reserve(names.size());
  for (const std::string& n : names) arms.push_back(&suite.arm(n));
  const Samples samples = run_rounds(arms, nr_rounds);
  auto ratio = [&](std::size_t i) { return samples.ratio(names[i], names[0]); };
  LookupRow row{.lookup = c,
                .none_ns = spread_of(samples.of(names[0])),
                .again = ratio(1),
                .branch_free = ratio(2),
                .fake_head_off = ratio(3),
                .fake_head_on = ratio(4),
                .fake_head_optimized = {},
                .shared_tail = ratio(5)};
  if (has_hugepages) row.fake_head_optimized = ratio(6);
  return row;
}

/// What two threads did on one core says nothing.
std::optional<Spread> if_two_cores(const Spread& spread) {
  if (std::thread::hardware_concurrency() < 2) return {};
  return spread;
}

double scaling_of(const Samples& samples) { return samples.ratio(spin_name(1), spin_name(2)).median; }

/// Two CPUs against one. In long batches: beside what a thread is late by, a short one is nothing.
void measure_two_cpus(const Suite& suite, Translations t, unsigned nr_rounds, Summary& summary) {
  constexpr u64 kLonger = 8;
  const std::string names[] = {routed_name(Route::checked, t, 1), routed_name(Route::checked, t, 2), spin_name(1),
                               spin_name(2)};
  std::vector<Arm> longer;
  std::vector<const Arm*> arms;
  longer.reserve(std::size(names));
  for (const std::string& name : names) {
    longer.push_back(suite.arm(name));
    longer.back().batch *= kLonger;
    arms.push_back(&longer.back());
  }
  const Samples samples = run_rounds(arms, nr_rounds);
  summary.rows.push_back({.name = "  checked, speed of 2 CPUs / 1",
                          .what = names[0] + " / " + names[1],
                          .value = if_two_cores(samples.ratio(names[0], names[1])),
                          .goal = 1.7,
                          .at_most = false,
                          .host_scaling = scaling_of(samples)});
}

/// The rows of one set of translations: checked against plain, and two CPUs against one.
void measure_checked(const Suite& suite, Translations t, unsigned nr_rounds, Summary& summary) {
  const std::string plain = routed_name(Route::plain, t, 1);
  const std::string cpu = routed_name(Route::cpu, t, 1);
  const std::string checked = routed_name(Route::checked, t, 1);
  const Samples samples = run_rounds({&suite.arm(plain), &suite.arm(cpu), &suite.arm(checked)}, nr_rounds);
  std::string where = "TLB hits";
  if (t == Translations::miss) where = "TLB misses";
  if (t == Translations::block) where = "PMD hits";
  summary.rows.push_back({.name = "checked lookup / plain, " + where,
                          .what = checked + " / " + plain,
                          .value = samples.ratio(checked, plain),
                          .goal = t == Translations::miss ? 15 : 4,
                          .host_scaling = {}});
  summary.rows.push_back({.name = "  unchecked lookup / plain",
                          .what = cpu + " / " + plain,
                          .value = samples.ratio(cpu, plain),
                          .goal = {},
                          .host_scaling = {}});
  measure_two_cpus(suite, t, nr_rounds, summary);
}

void measure_folios(const Suite& suite, unsigned nr_rounds, Summary& summary) {
  const Samples samples = run_rounds({&suite.arm("hugepage/restore"), &suite.arm("hugepage/seven_copies")}, nr_rounds);
  summary.rows.push_back({.name = "restore 2 MiB / seven page copies",
                          .what = "hugepage/restore / hugepage/seven_copies",
                          .value = samples.ratio("hugepage/restore", "hugepage/seven_copies"),
                          .goal = 3,
                          .host_scaling = {}});
}

/// Speed of `ours` against a list under a mutex that does the same work.
void measure_frames(const Suite& suite, const FrameWork& work, const std::string& ours, const std::string& what,
                    std::optional<double> goal, unsigned nr_rounds, Summary& summary) {
  const std::string list = work.name("mutex_list");
  const Samples samples =
      run_rounds({&suite.arm(ours), &suite.arm(list), &suite.arm(spin_name(1)), &suite.arm(spin_name(2))}, nr_rounds);
  const Spread speed = samples.ratio(list, ours);
  const bool alone = work.nr_threads == 1;
  RatioRow row{.name = what + " / mutex list, " + (alone ? "1 thread" : "2 threads"),
               .what = list + " / " + ours,
               .value = alone ? speed : if_two_cores(speed),
               .goal = goal,
               .at_most = false,
               .host_scaling = {}};
  if (!alone) row.host_scaling = scaling_of(samples);
  summary.rows.push_back(std::move(row));
}

/// The goals: half of 4 GiB taken and given back in single frames, by the bare allocator, and by all of the machine's.
void measure_all_frames(const Suite& suite, unsigned nr_rounds, Summary& summary) {
  for (const u32 nr_threads : {2U, 1U}) {
    const bool alone = nr_threads == 1;
    const FrameWork work{.workload = Workload::bulk, .order = Order{0}, .nr_threads = nr_threads};
    measure_frames(suite, work, work.name("allocator"), "frames", alone ? 1.0 : 2.4, nr_rounds, summary);
    measure_frames(suite, work, frames_name("source", FrameCalls::single, nr_threads), "  with decorators",
                   alone ? 0.8 : 2.0, nr_rounds, summary);
    measure_frames(suite, work, frames_name("source", FrameCalls::bulk, nr_threads), "  64 a call", {}, nr_rounds,
                   summary);
  }
}

std::expected<void, std::string> add_bookkeeping(u64 gib, Summary& summary) {
  const auto b = measure_bookkeeping(gib);
  if (!b) return std::unexpected(b.error());
  const double carved = b->carved_share() * 100;
  const double touched = b->touched_share() * 100;
  summary.rows.push_back({.name = "bookkeeping / vmemmap, %, touched",
                          .what = "arena bytes resident once the machine is full, and diagnostics / vmemmap bytes",
                          .value = Spread{touched, touched, touched, 1},
                          .goal = 3,
                          .host_scaling = {}});
  summary.rows.push_back({.name = "  as if all were touched",
                          .what = "arena bytes carved, and diagnostics / vmemmap bytes",
                          .value = Spread{carved, carved, carved, 1},
                          .goal = 3,
                          .host_scaling = {}});
  return {};
}

}  // namespace

std::expected<Summary, std::string> measure_summary(Suite& suite, const std::function<void(u64, u64)>& progress) {
  Summary summary;
  summary.nr_rounds = suite.scale().nr_rounds;
  const unsigned rounds = summary.nr_rounds;
  std::vector<std::function<std::expected<void, std::string>()>> parts;
  auto add = [&parts](auto part) {
    parts.emplace_back([part]() -> std::expected<void, std::string> {
      part();
      return {};
    });
  };
  for (const LookupCase& c : lookup_cases()) {
    add([&, c] { summary.lookups.push_back(measure_lookups(suite, c, rounds)); });
  }
  for (const Translations t : {Translations::hit, Translations::block, Translations::miss}) {
    add([&, t] { measure_checked(suite, t, rounds, summary); });
  }
  add([&] { measure_folios(suite, rounds, summary); });
  add([&] { measure_all_frames(suite, rounds, summary); });
  parts.emplace_back([&] { return add_bookkeeping(suite.scale().bookkeeping_gib, summary); });

  // Once two threads have run, the C library's mutexes no longer skip their atomic instructions.
  (void)time_mutex_list(4, {.workload = Workload::bulk, .order = Order{0}, .nr_threads = 2});
  summary.walks_per_hit = suite.walks_per_lookup(Translations::hit);
  summary.walks_per_miss = suite.walks_per_lookup(Translations::miss);
  for (u64 done = 0; done < parts.size(); ++done) {
    progress(done, parts.size());
    if (is_interrupted()) {
      summary.is_partial = true;
      break;
    }
    if (auto r = parts[done](); !r) return std::unexpected(r.error());
  }
  progress(parts.size(), parts.size());
  return summary;
}

}  // namespace hvo::bench
