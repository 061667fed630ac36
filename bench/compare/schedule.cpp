#include "bench/compare/schedule.h"

#include <algorithm>

namespace hvo::bench {

CompareSchedule::CompareSchedule(Extent extent, Seconds budget, std::function<Seconds()> now)
    : extent_(extent), budget_(budget), now_(std::move(now)), start_(now_()), begin_(start_) {}

CompareSchedule::Seconds CompareSchedule::steady_now() { return std::chrono::steady_clock::now().time_since_epoch(); }

bool CompareSchedule::wants_headline(Seconds passed) const {
  constexpr double kShare = 0.25;
  if (extent_ == Extent::quick || all_.nr_rounds == 0) return false;
  if (quick_.nr_rounds < kFewestOfHeadline) return true;
  if (quick_.spent >= kShare * passed) return false;
  // Not at the cost of the rounds that must be.
  const u64 needed = kFewestProcesses - std::min<u64>(kFewestProcesses, all_.nr_rounds);
  return passed + static_cast<double>(needed) * all_.longest + quick_.longest <= budget_;
}

std::optional<Extent> CompareSchedule::next() {
  begin_ = now_();
  const Seconds so_far = passed();
  const Extent wanted = wants_headline(so_far) ? Extent::quick : extent_;
  if (!has_enough() || so_far + of(wanted).longest <= budget_) return wanted;
  if (so_far + quick_.longest <= budget_) return Extent::quick;
  return std::nullopt;
}

void CompareSchedule::done(Extent extent) {
  Kind& kind = of(extent);
  const Seconds took = now_() - begin_;
  ++kind.nr_rounds;
  kind.spent += took;
  kind.longest = std::max(kind.longest, took);
}

}  // namespace hvo::bench
