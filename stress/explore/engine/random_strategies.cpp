#include <algorithm>
#include <utility>

#include "stress/explore/engine/strategies.h"

namespace hvo::stress {

namespace {
/// One choice in so many is not what a plain run does.
constexpr u64 kOddChoiceIn = 8;
}  // namespace

bool RandomStrategy::begin() {
  index_ = std::exchange(next_, next_ + indices_.stride);
  rng_ = Rng::seeded(indices_.seed, index_);
  begin_with(rng_);
  return true;
}

u32 RandomStrategy::choose(const Question& question) {
  if (!rng_.one_in(kOddChoiceIn)) return 0;
  return static_cast<u32>(rng_.below(question.nr));
}

u32 RandomWalk::pick(const Turn& turn) {
  if (!turn.can_stay) return static_cast<u32>(rng().below(turn.nr));
  if (!rng().one_in(one_in_)) return 0;
  return static_cast<u32>(1 + rng().below(turn.nr - 1));
}

void UniformRandomWalk::begin_with(Rng& /*rng*/) { taken_ = {}; }

/// The step that a CPU has begun is not done yet: it is picked for it. A CPU that takes more steps than expected is
/// taken to be near its end.
u64 UniformRandomWalk::left(u32 cpu) const {
  const u32 done = taken_[cpu] == 0 ? 0 : taken_[cpu] - 1;
  return baseline_.steps[cpu] > done ? baseline_.steps[cpu] - done : 1;
}

u32 UniformRandomWalk::pick(const Turn& turn) {
  // It was picked for its first step a moment ago.
  if (turn.can_stay && taken_[turn.current] == 1) return 0;
  u64 all = 0;
  for (u32 i = 0; i < turn.nr; ++i) all += left(turn.cpus[i]);
  u64 at = rng().below(all);
  for (u32 i = 0; i < turn.nr; ++i) {
    const u64 mine = left(turn.cpus[i]);
    if (at < mine) return i;
    at -= mine;
  }
  return 0;
}

void PctStrategy::begin_with(Rng& rng) {
  nr_taken_ = 0;
  for (u32 i = 0; i < kMostCpus; ++i) priority_[i] = depth_ + i;
  for (u32 i = kMostCpus; i > 1; --i) std::swap(priority_[i - 1], priority_[rng.below(i)]);
  const u32 nr_steps = std::max(1U, baseline_.nr_steps());
  for (u32 i = 0; i + 1 < depth_; ++i) falls_at_[i] = static_cast<u32>(1 + rng.below(nr_steps));
}

void PctStrategy::step(u32 cpu) {
  ++nr_taken_;
  for (u32 i = 0; i + 1 < depth_; ++i) {
    if (falls_at_[i] == nr_taken_) priority_[cpu] = i;
  }
}

u32 PctStrategy::pick(const Turn& turn) {
  u32 best = 0;
  for (u32 i = 1; i < turn.nr; ++i) {
    if (priority_[turn.cpus[i]] > priority_[turn.cpus[best]]) best = i;
  }
  return best;
}

}  // namespace hvo::stress
