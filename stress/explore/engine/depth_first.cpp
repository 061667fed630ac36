#include <algorithm>
#include <utility>

#include "stress/explore/engine/strategies.h"

namespace hvo::stress {

bool DepthFirst::begin() {
  if (has_begun_ && !advance()) {
    is_exhausted_ = true;
    return false;
  }
  // A search that is taken up again has run nothing here.
  nr_common_ = has_run_ ? static_cast<u32>(decisions_.size() - 1) : 0;
  index_ = has_begun_ ? index_ + 1 : 0;
  has_begun_ = true;
  has_run_ = true;
  depth_ = 0;
  nr_preemptions_ = 0;
  return true;
}

u32 DepthFirst::decide(u32 n, bool is_preemptible) {
  if (depth_ == decisions_.size()) {
    decisions_.push_back({.nr_alternatives = static_cast<u8>(n), .is_preemptible = is_preemptible ? u8{1} : u8{0}});
  }
  const u32 chosen = decisions_[depth_++].chosen;
  if (chosen >= n) {
    has_strayed_ = true;
    return 0;
  }
  if (is_preemptible && chosen != 0) ++nr_preemptions_;
  return chosen;
}

u32 DepthFirst::pick(const Turn& turn) {
  last_pick_ = depth_;
  return decide(turn.can_stay && nr_preemptions_ == bound_ ? 1 : turn.nr, turn.can_stay);
}

void DepthFirst::go_on_behind(u32 nr_decisions) {
  depth_ = nr_decisions;
  const auto is_preemption = [](const Decision& d) { return d.is_preemptible != 0 && d.chosen != 0; };
  nr_preemptions_ = static_cast<u32>(std::ranges::count_if(std::span(decisions_).first(depth_), is_preemption));
}

u32 DepthFirst::choose(const Question& question) { return decide(question.nr, false); }

void DepthFirst::met_nobody() {
  // Choices may have been made since; they are other decisions.
  Decision& last = decisions_[last_pick_];
  last.nr_alternatives = static_cast<u8>(last.chosen + 1);
  last.is_preemptible = 0;
}

bool DepthFirst::advance() {
  while (!decisions_.empty()) {
    Decision& last = decisions_.back();
    const std::size_t at = decisions_.size() - 1;
    if (last.chosen + 1 < last.nr_alternatives) {
      const bool is_first =
          last.chosen == 0 && std::ranges::all_of(decisions_, [](const Decision& d) { return d.chosen == 0; });
      if (!is_first || at % nr_workers_ == worker_) {
        ++last.chosen;
        return true;
      }
    }
    decisions_.pop_back();
  }
  return false;
}

void DepthFirst::resume(std::vector<Decision> decisions) {
  decisions_ = std::move(decisions);
  has_begun_ = true;
}

/// From a decision on, with r preemptions left, about the sum of C(m, k), k up to r, schedules follow, m being the
/// preemptible decisions behind it. What follows from the first schedule's decisions is shared among the workers.
double DepthFirst::nr_left() const {
  double all = 0;
  u32 used = nr_preemptions_;
  double behind = 0;
  const auto first_set = std::ranges::find_if(decisions_, [](const Decision& d) { return d.chosen != 0; });
  const auto nr_unset = static_cast<std::size_t>(first_set - decisions_.begin());
  for (std::size_t i = decisions_.size(); i-- > 0;) {
    const Decision& d = decisions_[i];
    if (d.is_preemptible != 0 && d.chosen != 0) --used;
    const u32 open = d.nr_alternatives - 1U - d.chosen;
    if (open != 0 && (i >= nr_unset || i % nr_workers_ == worker_)) {
      const u32 r = bound_ - used - (d.is_preemptible != 0 ? 1U : 0U);
      double sum = 1;
      double term = 1;
      for (u32 k = 1; k <= r && term > 0; ++k) {
        term *= std::max(0.0, behind - k + 1) / k;
        sum += term;
      }
      all += open * sum;
    }
    if (d.is_preemptible != 0) behind += 1;
  }
  return all;
}

bool DeepeningSearch::begin() {
  if (!pass_.begin()) {
    pass_ = DepthFirst(++bound_);
    (void)pass_.begin();
  }
  return true;
}

bool ReplayStrategy::begin() {
  next_ = 0;
  has_strayed_ = false;
  return true;
}

u32 ReplayStrategy::next(u32 n) {
  if (next_ == decisions_.size()) return 0;
  const u32 decided = decisions_[next_++];
  if (decided < n) return decided;
  has_strayed_ = true;
  return 0;
}

}  // namespace hvo::stress
