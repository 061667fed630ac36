#include "stress/explore/search/search.h"

#include <algorithm>
#include <set>
#include <thread>

#include "program/signals.h"
#include "stress/explore/search/worker.h"

namespace hvo::stress {

namespace {

/// No more than there are schedules to run: which of several would get the last one is a matter of luck.
u32 nr_workers(const SearchOptions& options) {
  const u64 most =
      options.nr_schedules == 0 ? options.nr_workers : std::min<u64>(options.nr_workers, options.nr_schedules);
  return std::max(1U, static_cast<u32>(most));
}

class Search {
 public:
  Search(const SearchOptions& options, const WatchSearch& watch) : common_{.options = options, .watch = watch} {}

  std::expected<SearchResult, std::string> operator()(const MakeSubject& make) {
    for (u32 i = 0; i < nr_workers(common_.options); ++i) {
      auto subject = make();
      if (!subject) return std::unexpected(subject.error());
      workers_.push_back(std::make_unique<Worker>(std::move(*subject), common_, i));
    }
    common_.parts.resize(workers_.size());
    start_hash_ = workers_.front()->subject().machine().state_hash();
    const SearchState* resumed = common_.options.resume;
    if (resumed != nullptr && resumed->start_hash != start_hash_) {
      return std::unexpected("the search that was broken off is of another build: its machine begins in another state");
    }
    if (common_.options.strategy.kind == StrategySpec::Kind::dfs) {
      depth_first();
    } else {
      draw_lots();
    }
    return finish();
  }

 private:
  template <class Job>
  void on_all_workers(Job job) {
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < workers_.size(); ++i) threads.emplace_back([this, &job, i] { job(*workers_[i]); });
    job(*workers_.front());
  }

  /// Fewer preemptions first: they teach nearly all footprints at little cost, and a witness has as few as it can.
  void depth_first() {
    const u32 bound = common_.options.strategy.n;
    Footprints footprints(workers_.front()->words());
    const SearchState* resumed = common_.options.resume;
    if (resumed != nullptr) footprints.learn(resumed->footprints);
    const u32 first = resumed != nullptr ? resumed->bound : common_.options.reduced ? 0 : bound;
    for (u32 b = first; b <= bound; ++b) {
      do {
        common_.base.bound = b;
        common_.base.is_complete = one_pass(b, common_.options.reduced ? &footprints : nullptr, resumed);
        if (!common_.base.is_complete) return keep_rest(footprints);
        resumed = nullptr;
      } while (footprints.take_growth());
    }
  }

  /// False when it did not come to its end. What passes before it saw is forgotten: it sees all of that again.
  bool one_pass(u32 bound, Footprints* footprints, const SearchState* resumed) {
    std::atomic<bool> complete{true};
    for (auto& worker : workers_) worker->result() = {};
    common_.base = {};
    common_.base.bound = bound;
    common_.parts.assign(workers_.size(), {});
    parts_.assign(workers_.size(), {});
    if (resumed != nullptr) take_up(*resumed, footprints);
    on_all_workers([&](Worker& worker) {
      worker.engine().hash_traces(worker.words());
      worker.engine().skip_what_meets_nobody(footprints);
      DepthFirst strategy(bound, worker.id(), static_cast<u32>(workers_.size()));
      DepthFirstPart& part = parts_[worker.id()];
      if (resumed != nullptr) part = resumed->parts[worker.id()];
      search_part(worker, strategy, {StrategySpec::Kind::dfs, bound}, part);
      if (part.progress != DepthFirstPart::Progress::exhausted) complete.store(false, std::memory_order::relaxed);
    });
    return complete.load(std::memory_order::relaxed);
  }

  static void search_part(Worker& worker, DepthFirst& strategy, const StrategySpec& spec, DepthFirstPart& part) {
    using enum DepthFirstPart::Progress;
    if (part.progress == exhausted) return;
    if (part.progress == begun) strategy.resume(part.decisions);
    // All workers have the first schedule: it counts once.
    if (part.progress == not_begun && worker.id() != 0) worker.run_unseen(strategy);
    constexpr u64 kEstimateEvery = 1024;
    while (worker.run_one(strategy, spec)) {
      if (strategy.index() % kEstimateEvery == 0) worker.result().nr_left = strategy.nr_left();
    }
    worker.result().nr_left = strategy.is_exhausted() ? 0 : strategy.nr_left();
    if (strategy.has_strayed()) ++worker.result().nr_undetermined;
    part.progress = strategy.is_exhausted() ? exhausted : strategy.has_begun() ? begun : not_begun;
    part.decisions.assign(strategy.decisions().begin(), strategy.decisions().end());
  }

  void take_up(const SearchState& s, Footprints* footprints) {
    common_.base.Counted::add(s.counted);
    if (footprints != nullptr && s.has_learned) footprints->note_growth();
  }

  void keep_rest(Footprints& footprints) {
    rest_.bound = common_.base.bound;
    rest_.has_learned = footprints.take_growth();
    rest_.footprints = footprints.known();
    rest_.parts = parts_;
  }

  void draw_lots() {
    if (common_.options.resume != nullptr) take_up(*common_.options.resume, nullptr);
    const Baseline baseline = workers_.front()->baseline();
    on_all_workers([&](Worker& worker) {
      std::vector<StrategySpec> specs{common_.options.strategy};
      if (specs.front().kind == StrategySpec::Kind::portfolio) {
        specs = {{StrategySpec::Kind::random, 8},
                 {StrategySpec::Kind::urw, 0},
                 {StrategySpec::Kind::pct, 3},
                 {StrategySpec::Kind::random, 64}};
      }
      const SearchState* resumed = common_.options.resume;
      const u64 first = resumed != nullptr ? resumed->next_index : common_.options.first_index;
      const Indices indices{common_.options.seed, first + worker.id(), workers_.size()};
      std::vector<std::unique_ptr<Strategy>> strategies;
      strategies.reserve(specs.size() + 1);
      for (const StrategySpec& spec : specs) strategies.push_back(make_random_strategy(spec, indices, baseline));
      if (common_.options.strategy.kind == StrategySpec::Kind::portfolio && worker.id() == 0) {
        specs.push_back({StrategySpec::Kind::dfs, 0});
        strategies.push_back(std::make_unique<DeepeningSearch>());
      }
      take_turns(worker, specs, strategies);
    });
  }

  static void take_turns(Worker& worker, const std::vector<StrategySpec>& specs,
                         const std::vector<std::unique_ptr<Strategy>>& strategies) {
    constexpr u32 kTurn = 16;
    for (;;) {
      for (std::size_t i = 0; i < specs.size(); ++i) {
        for (u32 n = 0; n < kTurn; ++n) {
          if (!worker.run_one(*strategies[i], specs[i])) return;
        }
      }
    }
  }

  SearchResult finish() {
    SearchResult all = common_.base;
    std::set<u64> states;
    u64 most_index = 0;
    for (const auto& worker : workers_) {
      all.add(worker->result());
      most_index = std::max(most_index, worker->next_index());
      states.insert(worker->subject().states().begin(), worker->subject().states().end());
    }
    const SearchState* resumed = common_.options.resume;
    if (resumed != nullptr) states.insert(resumed->states.begin(), resumed->states.end());
    all.nr_states = states.size();
    all.seconds = common_.seconds() + (resumed != nullptr ? resumed->counted.seconds : 0);
    all.is_interrupted = is_interrupted();
    all.witness = std::move(common_.witness);
    if (!all.is_complete) all.rest = rest_of(all, states, most_index);
    return all;
  }

  SearchState rest_of(const SearchResult& all, const std::set<u64>& states, u64 most_index) {
    SearchState rest = std::move(rest_);
    rest.strategy = strategy_text(common_.options.strategy);
    rest.nr_workers = static_cast<u32>(workers_.size());
    rest.reduced = common_.options.reduced;
    rest.next_index = most_index;
    rest.start_hash = start_hash_;
    rest.counted = all;
    rest.states.assign(states.begin(), states.end());
    return rest;
  }

  SearchCommon common_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<DepthFirstPart> parts_;  ///< of each worker
  u64 start_hash_ = 0;
  SearchState rest_;
};

}  // namespace

bool is_hit(const Outcomes& outcomes, const std::optional<Key>& find) {
  return outcomes.nr_forbidden() != 0 || (find && outcomes.of(*find) != 0);
}

std::expected<SearchResult, std::string> search(const MakeSubject& make, const SearchOptions& options,
                                                const WatchSearch& watch) {
  return Search(options, watch)(make);
}

u64 variant_of(const StrategySpec& spec, u64 index) { return spec.kind == StrategySpec::Kind::dfs ? 0 : index; }

namespace {

/// The first of each kind that the CPUs have reported.
std::vector<Violation> reported(Subject& subject) {
  std::vector<Violation> all;
  for (u32 i = 0; i < subject.nr_cpus(); ++i) {
    const ViolationLog& log = subject.machine().diagnostics(i).violations;
    all.insert(all.end(), log.first.begin(), log.first.begin() + log.nr_kept);
  }
  return all;
}

}  // namespace

Replayed replay(Subject& subject, const EngineOptions& options, u64 variant, std::span<const u8> decisions,
                std::vector<Moment>* moments) {
  ExploringEngine engine(subject.machine().cpus(), options);
  engine.note_frames(subject.snapshot().dirty_frames());
  engine.record(moments);
  ReplayStrategy strategy(decisions);
  strategy.begin();
  subject.restart(variant);
  Replayed r;
  r.end = engine.run(subject, strategy);
  r.nr_steps = engine.nr_steps();
  r.has_strayed = strategy.has_strayed();
  r.blocked = engine.blocked();
  r.last_cpu = engine.last_cpu();
  r.state_hash = subject.machine().state_hash();
  r.violations = reported(subject);
  EventCounts events;
  subject.judge(r.end, r.outcomes, events, 0);
  if (r.outcomes.of(Key::not_valid) != 0) {
    for (u32 i = 0; i < subject.nr_cpus(); ++i) subject.machine().diagnostics(i).violations = {};
    subject.machine().validate();
    r.recount = reported(subject);
  }
  return r;
}

}  // namespace hvo::stress
