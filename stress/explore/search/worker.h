// Worker: one host thread's share of a search.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>

#include "program/signals.h"
#include "stress/explore/search/search.h"

namespace hvo::stress {

/// What the workers of a search have in common.
struct SearchCommon {
  using Clock = std::chrono::steady_clock;

  const SearchOptions& options;
  const WatchSearch& watch;
  Clock::time_point start = Clock::now();
  std::atomic<bool> stop{false};
  std::atomic<u64> nr_schedules{0};
  std::mutex mutex{};
  SearchResult base{};                ///< mutex: what is known without those that run
  std::optional<Witness> witness{};   ///< mutex
  std::vector<SearchResult> parts{};  ///< mutex: of the workers that run, as of their last report
  Clock::time_point next_report = start + std::chrono::milliseconds(200);  ///< mutex

  double seconds() const { return std::chrono::duration<double>(Clock::now() - start).count(); }
  bool is_over() const {
    return stop.load(std::memory_order::relaxed) || is_interrupted() ||
           (options.seconds != 0 && seconds() >= options.seconds);
  }
};

/// One host thread's share of the work: a subject, an engine, and what came out.
class Worker {
 public:
  Worker(std::unique_ptr<Subject> subject, SearchCommon& common, u32 id)
      : subject_(std::move(subject)),
        common_(common),
        id_(id),
        engine_(subject_->machine().cpus(), common.options.engine) {
    engine_.note_frames(subject_->snapshot().dirty_frames());
    if (subject_->remembers_traces()) engine_.hash_traces(words());
    if (common.options.checkpoints && subject_->can_keep()) engine_.use_checkpoints();
  }

  WordNumbers words() const {
    const Machine& m = subject_->machine();
    return {m.arena().bytes().size(), m.memory().bytes().size(), m.frame_table().page_shift};
  }
  ExploringEngine& engine() { return engine_; }
  Subject& subject() { return *subject_; }
  SearchResult& result() { return result_; }
  u32 id() const { return id_; }
  /// Behind all schedules that it has drawn lots for.
  u64 next_index() const { return next_index_; }

  /// What the schedule without preemption takes.
  Baseline baseline();
  /// Runs the strategy's next schedule; false when there is none, or when the search is over.
  bool run_one(Strategy& strategy, const StrategySpec& spec);
  /// Runs the strategy's next schedule, of which somebody else takes account.
  void run_unseen(Strategy& strategy);
  void report();

 private:
  /// The schedule that the strategy has begun.
  End play(Strategy& strategy, u64 variant);
  void check_determinism(End end, u64 variant);
  void keep_witness(const Strategy& strategy, const StrategySpec& spec, End end, const Outcomes& outcomes, u64 hash);

  std::unique_ptr<Subject> subject_;
  SearchCommon& common_;
  u32 id_;
  ExploringEngine engine_;
  SearchResult result_;
  u32 nr_since_look_ = 0;
  u64 next_index_ = 0;
};

}  // namespace hvo::stress
