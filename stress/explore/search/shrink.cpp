#include "stress/explore/search/shrink.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "program/signals.h"

namespace hvo::stress {

namespace {

std::size_t nr_set(const std::vector<u8>& decisions) {
  return static_cast<std::size_t>(std::ranges::count_if(decisions, [](u8 d) { return d != 0; }));
}

/// When to leave off.
class Deadline {
 public:
  explicit Deadline(double seconds)
      : end_(Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds))) {}
  bool is_over() const { return is_interrupted() || Clock::now() >= end_; }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point end_;
};

/// Tries schedules of one subject against one failure.
class Tryer {
 public:
  Tryer(Subject& subject, const EngineOptions& options, const Failure& failure, Witness& witness)
      : subject_(subject), options_(options), failure_(failure), witness_(witness) {}

  /// Takes these decisions over if the failure comes again, and they are fewer or lead to fewer steps.
  bool accept(const std::vector<u8>& decisions) {
    ++nr_tries_;
    const Replayed r = replay(subject_, options_, variant_of(witness_.strategy, witness_.index), decisions, nullptr);
    if (!is_same(failure_, r.outcomes, r.end)) return false;
    const std::size_t before = nr_set(witness_.decisions);
    const std::size_t after = nr_set(decisions);
    if (after > before || (after == before && r.nr_steps >= witness_.nr_steps)) return false;
    witness_.decisions = decisions;
    witness_.end = r.end;
    witness_.outcomes = r.outcomes;
    witness_.state_hash = r.state_hash;
    witness_.nr_steps = r.nr_steps;
    return true;
  }
  u64 nr_tries() const { return nr_tries_; }

 private:
  Subject& subject_;
  const EngineOptions& options_;
  const Failure& failure_;
  Witness& witness_;
  u64 nr_tries_ = 0;
};

/// Where the decisions are not the default.
std::vector<std::size_t> places(const std::vector<u8>& decisions) {
  std::vector<std::size_t> p;
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    if (decisions[i] != 0) p.push_back(i);
  }
  return p;
}

/// Half of them, then quarters, down to one at a time, until nothing can be left out.
void drop_decisions(Tryer& tryer, Witness& witness, const Deadline& deadline) {
  bool again = true;
  while (again) {
    again = false;
    for (std::size_t size = std::max<std::size_t>(1, places(witness.decisions).size() / 2); size != 0; size /= 2) {
      for (std::size_t first = 0; first < places(witness.decisions).size() && !deadline.is_over();) {
        const auto at = places(witness.decisions);
        std::vector<u8> fewer = witness.decisions;
        for (std::size_t i = first; i < std::min(first + size, at.size()); ++i) fewer[at[i]] = 0;
        if (tryer.accept(fewer)) {
          again = true;
        } else {
          first += size;
        }
      }
    }
  }
}

/// The pools that begin with hugepages.
std::vector<PoolRequest> pools_of(const MachineConfig& machine) {
  std::vector<PoolRequest> pools;
  for (const PoolConfig& pool : machine.pools) {
    if (pool.nr_huge_pages != 0) pools.push_back({pool.order, pool.nr_huge_pages});
  }
  return pools;
}

/// Leaves out of the program what the failure comes without.
class ProgramShrinker {
 public:
  ProgramShrinker(ExploreOptions& options, const Failure& failure, Witness& witness, const ShrinkLimits& limits,
                  const Deadline& deadline, const WatchShrinking& watch)
      : options_(options), failure_(failure), witness_(witness), limits_(limits), deadline_(deadline), watch_(watch) {}

  void run() {
    if (options_.scenario == nullptr) {
      drop_small_ops();
      return;
    }
    lessen([this] { return u64{options_.machine.nr_cpus}; },
           [this](u64 n) {
             ExploreWords words = options_.words;
             words.run.cpus = std::to_string(n);
             return words;
           });
    lessen([this] { return u64{options_.nr_ops}; },
           [this](u64 n) {
             ExploreWords words = options_.words;
             words.ops = std::to_string(n);
             return words;
           });
    lessen_pools();
  }

  /// The same failure on what is left, by lots that switch seldom.
  std::vector<Witness> seldom_switching() {
    std::vector<Witness> found;
    if (options_.machine.nr_cpus == 1 || options_.search.strategy.kind == StrategySpec::Kind::dfs) return found;
    for (const u32 depth : {2U, 3U}) {
      SearchOptions s = search_of(options_);
      s.strategy = {StrategySpec::Kind::pct, depth};
      if (auto witness = search_for_failure(options_, s)) found.push_back(std::move(*witness));
    }
    return found;
  }
  u64 nr_searches() const { return nr_searches_; }

 private:
  /// A schedule of the same failure that can be run again; nothing: none was found, or the time is up.
  std::optional<Witness> search_for_failure(const ExploreOptions& program, const SearchOptions& how) {
    if (deadline_.is_over()) return std::nullopt;
    if (watch_) watch_(program);
    ++nr_searches_;
    auto result = search(subject_maker(program), how);
    if (!result || !result->witness || result->witness->is_cut) return std::nullopt;
    if (!is_same(failure_, result->witness->outcomes, result->witness->end)) return std::nullopt;
    return std::move(result->witness);
  }
  /// Takes the program of these words over if the same failure is found in it.
  bool accept(const ExploreWords& words) {
    const auto smaller = with_program(options_, words);
    if (!smaller) return false;
    const auto witness = search_for_failure(*smaller, search_of(*smaller));
    if (!witness) return false;
    options_ = *smaller;
    witness_ = *witness;
    return true;
  }
  SearchOptions search_of(const ExploreOptions& smaller) const {
    SearchOptions s = smaller.search;
    s.seconds = limits_.seconds_each;
    s.nr_schedules = limits_.schedules_each;
    // The same lots: what a smaller scenario does is a part of what it did.
    s.first_index = variant_of(witness_.strategy, witness_.index);
    s.find = failure_.key;
    s.stops_at_witness = true;
    s.check_determinism = false;
    if (smaller.machine.nr_cpus > 1 || s.strategy.kind == StrategySpec::Kind::dfs) return s;
    // One CPU has no switches to try, so all strategies are one.
    constexpr u64 kEnough = 1000;
    s.strategy = {StrategySpec::Kind::random, 2};
    s.nr_schedules = std::min(kEnough, s.nr_schedules == 0 ? kEnough : s.nr_schedules);
    return s;
  }

  /// A count of 2 or more, by as much as goes.
  void lessen(const std::function<u64()>& now, const std::function<ExploreWords(u64)>& words) {
    for (u64 step = now() / 2; step != 0;) {
      step = accept(words(now() - step)) ? std::min(step, now() - 1) : step / 2;
    }
  }

  void drop_small_ops() {
    std::size_t before = 0;
    do {
      before = options_.small_ops.size();
      drop_each_small_op();
    } while (options_.small_ops.size() < before);
  }
  /// Readers alone would read what was there before the schedule began.
  void drop_each_small_op() {
    const auto is_reader = [](const SmallOp* op) { return op->stage == Stage::reader; };
    for (std::size_t i = 0; options_.small_ops.size() > 1 && i < options_.small_ops.size();) {
      std::vector<const SmallOp*> left = options_.small_ops;
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(i));
      if (std::ranges::all_of(left, is_reader) || !accept(with_small_ops(left))) ++i;
    }
  }
  ExploreWords with_small_ops(std::span<const SmallOp* const> ops) const {
    ExploreWords words = options_.words;
    words.subject.clear();
    for (const SmallOp* op : ops) words.subject += (words.subject.empty() ? "" : "+") + std::string(op->name);
    return words;
  }

  /// A pool without hugepages can't be asked for by name, but left out if there is another one, with what it may have
  /// beyond its size.
  void lessen_pools() {
    for (std::size_t i = 0; i < pools_of(options_.machine).size();) {
      auto others = pools_of(options_.machine);
      others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
      if (!others.empty() && accept(with_pools(others))) continue;
      lessen([&, this] { return pools_of(options_.machine)[i].nr; },
             [&, this](u64 n) {
               auto pools = pools_of(options_.machine);
               pools[i].nr = n;
               return with_pools(pools);
             });
      ++i;
    }
  }
  ExploreWords with_pools(std::span<const PoolRequest> pools) const {
    ExploreWords words = options_.words;
    words.run.pool = pools_text(pools, options_.machine.geometry);
    return words;
  }

  ExploreOptions& options_;
  const Failure& failure_;
  Witness& witness_;
  const ShrinkLimits& limits_;
  const Deadline& deadline_;
  const WatchShrinking& watch_;
  u64 nr_searches_ = 0;
};

}  // namespace

Failure failure_of(const Outcomes& outcomes, End end, const std::optional<Key>& find) {
  Failure f{.key = {}, .end = end};
  if (find && outcomes.of(*find) != 0) f.key = find;
  for (const Outcome& o : kOutcomes) {
    if (!f.key && o.grade == Grade::forbidden && outcomes.of(o.key) != 0) f.key = o.key;
  }
  if (f.key == Key::violation && outcomes.nr_first != 0) {
    f.rule = outcomes.first[0].rule;
    f.op = outcomes.first[0].op;
  }
  if (f.key == Key::known_violation) {
    const auto hit = std::ranges::find_if(outcomes.holes, [](u64 n) { return n != 0; });
    f.hole = static_cast<std::size_t>(hit - outcomes.holes.begin());
  }
  return f;
}

bool is_same(const Failure& failure, const Outcomes& outcomes, End end) {
  if (!failure.key || outcomes.of(*failure.key) == 0) return false;
  if (failure.key == Key::stuck) return failure.end == end;
  if (failure.key == Key::known_violation) {
    return failure.hole == outcomes.holes.size() || outcomes.holes[failure.hole] != 0;
  }
  if (failure.key != Key::violation || failure.op == Op::none) return true;
  const auto first = std::span(outcomes.first).first(outcomes.nr_first);
  return std::ranges::any_of(first,
                             [&failure](const Violation& v) { return v.rule == failure.rule && v.op == failure.op; });
}

ProgramSize size_of(const ExploreOptions& options) {
  ProgramSize size{.nr_cpus = options.machine.nr_cpus, .nr_ops = options.nr_ops};
  if (options.scenario == nullptr) return size;
  for (const PoolRequest& pool : pools_of(options.machine)) size.nr_folios += pool.nr;
  return size;
}

std::expected<Shrunk, std::string> shrink(ExploreOptions& options, const Witness& witness, const ShrinkLimits& limits,
                                          const WatchShrinking& watch) {
  Shrunk s{.witness = witness, .before = size_of(options), .nr_switches_before = nr_set(witness.decisions)};
  const Failure failure = failure_of(witness.outcomes, witness.end, options.search.find);
  const Deadline deadline(limits.seconds);
  ProgramShrinker shrinker(options, failure, s.witness, limits, deadline, watch);
  shrinker.run();
  auto subject = subject_maker(options)();
  if (!subject) return std::unexpected(subject.error());
  const auto with_fewer_decisions = [&](Witness w) {
    Tryer tryer(**subject, options.search.engine, failure, w);
    drop_decisions(tryer, w, deadline);
    s.nr_tries += tryer.nr_tries();
    return w;
  };
  std::vector<Witness> candidates = shrinker.seldom_switching();
  s.witness = with_fewer_decisions(s.witness);
  for (Witness& candidate : candidates) {
    candidate = with_fewer_decisions(std::move(candidate));
    if (nr_set(candidate.decisions) < nr_set(s.witness.decisions)) s.witness = candidate;
  }
  s.nr_tries += shrinker.nr_searches();
  s.after = size_of(options);
  s.nr_switches_after = nr_set(s.witness.decisions);
  return s;
}

}  // namespace hvo::stress
