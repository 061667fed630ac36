#include "stress/explore/subjects/subject.h"

#include <algorithm>
#include <utility>

namespace hvo::stress {

bool is_known_hole(const Design& design, const Violation& violation) {
  return std::ranges::any_of(design.holes, [&violation](const KnownHole& hole) {
    return hole.rule == violation.rule && hole.op == violation.op;
  });
}

/// Frames that were never used hold poison too: what is read of one that is not filled yet is seen to be nothing.
void Subject::begin_here() {
  begins_valid_ = machine_->validate();
  for (u32 i = 0; i < nr_cpus(); ++i) machine_->diagnostics(i).clear();
  const FrameTable& frames = machine_->frame_table();
  const std::size_t size = std::size_t{1} << frames.page_shift;
  for (u32 i = 0; i < frames.nr_frames(); ++i) {
    const FrameState state = frames.state_of({i});
    if (state != FrameState::free && state != FrameState::cached) continue;
    std::fill_n(frames.address({i}), size, FrameAllocator::kPoisonByte);
  }
  snapshot_ = std::make_unique<Snapshot>(*machine_);
}

void Subject::keep(u32 slot) {
  if (slot >= kept_.size()) kept_.resize(slot + 1);
  snapshot_->keep(kept_[slot].machine);
  std::copy_n(seen_.begin(), nr_cpus(), kept_[slot].seen.begin());
}

void Subject::go_back(u32 slot) {
  snapshot_->go_back(kept_[slot].machine);
  std::copy_n(kept_[slot].seen.begin(), nr_cpus(), seen_.begin());
}

bool Subject::ends_with(const Violation& violation) { return !is_known_hole(machine_->design(), violation); }

bool Subject::note_state() {
  last_state_ = snapshot_->hash();
  return states_.insert(last_state_).second;
}

void Subject::judge_without_validation(Outcomes& outcomes, EventCounts& events) {
  for (u32 i = 0; i < nr_cpus(); ++i) {
    Outcomes& seen = seen_[i];
    if (is_weak_) {
      u64& wrong = seen.count[static_cast<unsigned>(Key::wrong)];
      seen.count[static_cast<unsigned>(Key::stale_head)] += std::exchange(wrong, 0);
    }
    outcomes += seen;
    seen = {};
  }
  for (u32 i = 0; i < nr_cpus(); ++i) {
    events += machine_->diagnostics(i).counts;
    grade_violations(machine_->design(), machine_->diagnostics(i).violations, outcomes);
  }
  if (!begins_valid_) outcomes.add(Key::not_valid);
}

void Subject::judge(End end, Outcomes& outcomes, EventCounts& events, u64 trace) {
  judge_without_validation(outcomes, events);
  if (end == End::deadlock || end == End::endless) outcomes.add(Key::stuck);
  if (end != End::done) return;
  const auto known = trace == 0 ? traces_.end() : traces_.find(trace);
  if (known != traces_.end()) {
    last_state_ = known->second;
  } else {
    validate_if_new();
    if (trace != 0) traces_.emplace(trace, last_state_);
  }
  if (begins_valid_ && !bad_states_.empty() && bad_states_.contains(last_state_)) outcomes.add(Key::not_valid);
}

/// Whether a state is valid is asked once.
void Subject::validate_if_new() {
  if (!note_state()) return;
  const bool valid = machine_->validate();
  snapshot_->all_is_dirty();
  if (!valid) bad_states_.insert(last_state_);
  for (u32 i = 0; i < nr_cpus(); ++i) machine_->diagnostics(i).violations = {};
}

}  // namespace hvo::stress
