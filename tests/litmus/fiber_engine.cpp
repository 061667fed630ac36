#include "tests/litmus/fiber_engine.h"

#include <algorithm>
#include <utility>

namespace hvo {

u32 DepthFirstSchedule::pick(u32 n, bool can_stay) {
  if (can_stay && nr_preemptions_ == bound_) n = 1;
  if (depth_ == decisions_.size()) decisions_.push_back({0, n});
  const u32 chosen = decisions_[depth_++].chosen;
  if (can_stay && chosen != 0) ++nr_preemptions_;
  return chosen;
}

void DepthFirstSchedule::met_nobody() {
  Decision& last = decisions_[depth_ - 1];
  last.nr_alternatives = last.chosen + 1;
}

std::vector<u32> DepthFirstSchedule::picks() const {
  std::vector<u32> picks;
  for (const Decision& d : decisions_) picks.push_back(d.chosen);
  return picks;
}

bool DepthFirstSchedule::next() {
  depth_ = 0;
  nr_preemptions_ = 0;
  while (!decisions_.empty()) {
    if (++decisions_.back().chosen < decisions_.back().nr_alternatives) return true;
    decisions_.pop_back();
  }
  return false;
}

bool FiberEngine::can_run(u32 i) const {
  if (tasks_[i].done) return false;
  if (tasks_[i].waits_on == nullptr) return true;
  // A CPU that waits with interrupts on can go on for its mailbox.
  CpuState& state = actors_[i].cpu->state();
  const u32 attention = ref(state.attention).load(std::memory_order::relaxed);
  return (attention & kAttentionTlbi) != 0 || (tasks_[i].is_interruptible && (attention & kAttentionInterrupt) != 0);
}

u32 FiberEngine::pick(u32 current) {
  std::vector<u32> alternatives;
  was_picked_ = false;
  has_met_ = false;
  const bool can_go_on = current != kNobody && can_run(current);
  if (can_go_on) alternatives.push_back(current);
  for (u32 i = 0; i < tasks_.size(); ++i) {
    if (i != current && can_run(i)) alternatives.push_back(i);
  }
  if (alternatives.empty()) return kNobody;
  if (alternatives.size() == 1) return alternatives[0];
  const bool can_stay = can_go_on && !has_only_served_;
  const u32 next = alternatives[schedule_->pick(static_cast<u32>(alternatives.size()), can_stay)];
  was_picked_ = can_stay && next == current;
  return next;
}

void FiberEngine::before(Cpu& cpu, const Access& access) {
  fiber_of(cpu).hand_back(
      {.why = HandBack::Why::step, .access = access, .op = cpu.op(), .rcu_depth = cpu.state().rcu_depth});
}

u64 FiberEngine::perform(Cpu& cpu, const Access& access, void* word) {
  const u64 result = do_access(cpu, access, word);
  fiber_of(cpu).hand_back({.why = HandBack::Why::did,
                           .word = word,
                           .access = access,
                           .result = result,
                           .op = cpu.op(),
                           .rcu_depth = cpu.state().rcu_depth});
  return result;
}

void FiberEngine::wait(Cpu& cpu, WaitFor why, const void* word) {
  fiber_of(cpu).hand_back({.why = HandBack::Why::wait,
                           .word = word,
                           .is_interruptible = !cpu.irqs_disabled(),
                           .wait_for = why,
                           .op = cpu.op()});
}

void FiberEngine::report(Cpu& cpu, const Violation& violation) {
  fiber_of(cpu).hand_back({.why = HandBack::Why::violation, .violation = violation, .op = cpu.op()});
}

void FiberEngine::act(void* actor) {
  const auto& self = *static_cast<const Actor*>(actor);
  self.cpu->run();
  (*self.body)(*self.cpu);
  self.cpu->idle();
}

bool FiberEngine::is_request(const void* word) const {
  const auto is_in = [word](std::span<const Slot> slots) {
    return word >= slots.data() && word < slots.data() + slots.size();
  };
  return std::ranges::any_of(
      actors_, [&](const Actor& a) { return is_in(a.cpu->wiring().mailbox) || is_in(a.cpu->wiring().tlbi); });
}

void FiberEngine::note_turn(const HandBack& said, bool request) {
  // A request is posted by a store, taken by a fetch_add, and answered by a store.
  const bool takes = request && said.access.kind == Kind::fetch_add;
  if (is_new_turn_) has_only_served_ = takes;
  if (!request) has_only_served_ = false;
  is_new_turn_ = false;
}

void FiberEngine::did(u32 current, const HandBack& said) {
  if (said.access.is_write()) {
    for (Task& other : tasks_) {
      if (other.waits_on == said.word) other.waits_on = nullptr;
    }
  }
  const bool request = is_request(said.word);
  note_turn(said, request);
  if (footprints_ == nullptr) return;
  const u64 frame_bytes = u64{1} << actors_[current].cpu->wiring().frames->page_shift;
  if (footprints_->note(current, said.access, said.word, frame_bytes) || request) has_met_ = true;
}

u32 FiberEngine::go_on(u32 current) {
  const HandBack said = actors_[current].fiber->resume();
  if (moments_ != nullptr) moments_->push_back({current, said});
  if (listener_) listener_({current, said});
  Task& task = tasks_[current];
  task.waits_on = nullptr;
  switch (said.why) {
    case HandBack::Why::step:
      ++result_.nr_steps;
      // In the middle of an instruction: it has gone on.
      if (said.access.kind == Kind::walker_load) has_only_served_ = false;
      // Inside a read section a CPU answers otherwise: to enter or leave one is not the same before and after others.
      has_met_ = has_met_ || std::exchange(task.rcu_depth, said.rcu_depth) != said.rcu_depth;
      if (footprints_ != nullptr && was_picked_ && !has_met_) schedule_->met_nobody();
      return pick(current);
    case HandBack::Why::did: did(current, said); return current;
    case HandBack::Why::wait:
      task.waits_on = said.word;
      task.is_interruptible = said.is_interruptible;
      return pick(current);
    case HandBack::Why::violation:
      result_.violations.push_back(said.violation);
      return stop_at_violation_ ? kNobody : current;
    case HandBack::Why::done: task.done = true; return pick(kNobody);
  }
  __builtin_unreachable();
}

FiberEngine::Result FiberEngine::run(std::span<Cpu* const> cpus, const std::vector<Body>& bodies, Schedule& schedule,
                                     bool stop_at_violation) {
  schedule_ = &schedule;
  stop_at_violation_ = stop_at_violation;
  result_ = {};
  is_new_turn_ = true;
  has_only_served_ = false;
  tasks_.assign(bodies.size(), {});
  actors_ = std::vector<Actor>(bodies.size());
  for (u32 i = 0; i < bodies.size(); ++i) {
    actors_[i] = {cpus[i], &bodies[i], nullptr};
    cpus[i]->attach(this);
  }
  for (Actor& actor : actors_) actor.fiber = std::make_unique<Fiber>(&act, &actor);
  u32 current = pick(kNobody);
  while (current != kNobody) {
    const u32 next = go_on(current);
    if (next != current) {
      is_new_turn_ = true;
      has_only_served_ = false;
    }
    current = next;
  }
  const bool stopped = stop_at_violation && !result_.violations.empty();
  for (const Task& task : tasks_) result_.deadlock = result_.deadlock || (!task.done && !stopped);
  // Drops the fibers that are not done.
  actors_.clear();
  for (Cpu* cpu : cpus) cpu->attach(nullptr);
  return result_;
}

}  // namespace hvo
