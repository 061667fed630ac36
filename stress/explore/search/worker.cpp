#include "stress/explore/search/worker.h"

#include <algorithm>

namespace hvo::stress {

Baseline Worker::baseline() {
  ReplayStrategy nothing({});
  subject_->restart(0);
  engine_.run(*subject_, nothing);
  Baseline b;
  for (u32 i = 0; i < subject_->nr_cpus(); ++i) b.steps[i] = engine_.nr_steps_of(i);
  Outcomes outcomes;
  EventCounts events;
  subject_->judge(End::violation, outcomes, events, 0);
  return b;
}

End Worker::play(Strategy& strategy, u64 variant) {
  if (engine_.has_checkpoint(strategy)) return engine_.go_on(*subject_, strategy);
  subject_->restart(variant);
  return engine_.run(*subject_, strategy);
}

void Worker::run_unseen(Strategy& strategy) {
  if (!strategy.begin()) return;
  const End end = play(strategy, 0);
  Outcomes outcomes;
  EventCounts events;
  subject_->judge(end, outcomes, events, engine_.trace());
}

bool Worker::run_one(Strategy& strategy, const StrategySpec& spec) {
  // A long schedule counts for several.
  constexpr u32 kLookEvery = 64;
  constexpr u32 kShort = 256;
  nr_since_look_ += 1 + engine_.nr_steps_taken() / kShort;
  if (nr_since_look_ >= kLookEvery) {
    nr_since_look_ = 0;
    report();
    if (common_.is_over()) return false;
  }
  const u64 limit = common_.options.nr_schedules;
  if (limit != 0 && common_.nr_schedules.fetch_add(1, std::memory_order::relaxed) >= limit) return false;
  if (common_.stop.load(std::memory_order::relaxed) || !strategy.begin()) return false;
  if (common_.options.current != nullptr) common_.options.current->note(id_, spec, strategy.index());
  next_index_ = std::max(next_index_, strategy.index() + 1);
  const End end = play(strategy, variant_of(spec, strategy.index()));
  ++result_.nr_schedules;
  result_.nr_steps += engine_.nr_steps();
  result_.nr_steps_taken += engine_.nr_steps_taken();
  ++result_.ends[static_cast<std::size_t>(end)];
  if (common_.options.check_determinism) check_determinism(end, variant_of(spec, strategy.index()));
  Outcomes outcomes;
  subject_->judge(end, outcomes, result_.events, engine_.trace());
  result_.outcomes += outcomes;
  if (is_hit(outcomes, common_.options.find)) keep_witness(strategy, spec, end, outcomes, 0);
  return true;
}

/// The same schedule once more: it must end in the same state after as many steps.
void Worker::check_determinism(End end, u64 variant) {
  const u64 hash = subject_->machine().state_hash();
  const u64 trace = engine_.trace();
  const u32 steps = engine_.nr_steps();
  const std::vector<u8> decisions(engine_.decisions().begin(), engine_.decisions().end());
  ReplayStrategy again(decisions);
  again.begin();
  subject_->restart(variant);
  const End other = engine_.run(*subject_, again);
  ++result_.nr_checked;
  if (other != end || engine_.nr_steps() != steps || engine_.trace() != trace ||
      subject_->machine().state_hash() != hash) {
    ++result_.nr_undetermined;
  }
}

void Worker::keep_witness(const Strategy& strategy, const StrategySpec& spec, End end, const Outcomes& outcomes,
                          u64 hash) {
  ++result_.nr_witnesses;
  const std::scoped_lock lock(common_.mutex);
  if (common_.options.stops_at_witness) common_.stop.store(true, std::memory_order::relaxed);
  if (common_.witness) return;
  StrategySpec named = spec;
  if (const auto bound = strategy.bound()) named.n = *bound;
  common_.witness = Witness{.strategy = named,
                            .seed = common_.options.seed,
                            .index = strategy.index(),
                            .decisions = {engine_.decisions().begin(), engine_.decisions().end()},
                            .end = end,
                            .outcomes = outcomes,
                            .state_hash = hash,
                            .nr_steps = engine_.nr_steps(),
                            .is_cut = engine_.is_cut()};
}

void Worker::report() {
  const std::scoped_lock lock(common_.mutex);
  common_.parts[id_] = result_;
  common_.parts[id_].nr_states = subject_->nr_states();
  if (!common_.watch || SearchCommon::Clock::now() < common_.next_report) return;
  common_.next_report = SearchCommon::Clock::now() + std::chrono::milliseconds(200);
  SearchResult sum = common_.base;
  for (const SearchResult& part : common_.parts) {
    sum.add(part);
    sum.nr_states = std::max(sum.nr_states, part.nr_states);
  }
  sum.seconds = common_.seconds();
  common_.watch(sum);
}

}  // namespace hvo::stress
