#include "tests/litmus/fiber_engine.h"

#include "core/cpu/direct.h"

namespace hvo {

u32 DepthFirstSchedule::pick(u32 n, bool can_stay) {
  if (can_stay && nr_preemptions_ == bound_) n = 1;
  if (depth_ == decisions_.size()) decisions_.push_back({0, n});
  const u32 chosen = decisions_[depth_++].chosen;
  if (can_stay && chosen != 0) ++nr_preemptions_;
  return chosen;
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
  const bool can_stay = current != kNobody && can_run(current);
  if (can_stay) alternatives.push_back(current);
  for (u32 i = 0; i < tasks_.size(); ++i) {
    if (i != current && can_run(i)) alternatives.push_back(i);
  }
  if (alternatives.empty()) return kNobody;
  if (alternatives.size() == 1) return alternatives[0];
  return alternatives[schedule_->pick(static_cast<u32>(alternatives.size()), can_stay)];
}

void FiberEngine::before(Cpu& cpu, const Access& /*access*/) { fiber_of(cpu).hand_back({.why = HandBack::Why::step}); }

u64 FiberEngine::perform(Cpu& cpu, const Access& access, void* word) {
  const u64 result = perform_directly(access, word, u64{1} << cpu.wiring().frames->page_shift);
  if (access.is_write()) fiber_of(cpu).hand_back({.why = HandBack::Why::wrote, .word = word});
  return result;
}

void FiberEngine::wait(Cpu& cpu, WaitFor /*why*/, const void* word) {
  fiber_of(cpu).hand_back({.why = HandBack::Why::wait, .word = word, .is_interruptible = !cpu.irqs_disabled()});
}

void FiberEngine::report(Cpu& cpu, const Violation& violation) {
  fiber_of(cpu).hand_back({.why = HandBack::Why::violation, .violation = violation});
}

void FiberEngine::act(void* actor) {
  const auto& self = *static_cast<const Actor*>(actor);
  self.cpu->run();
  (*self.body)(*self.cpu);
  self.cpu->idle();
}

u32 FiberEngine::go_on(u32 current) {
  const HandBack said = actors_[current].fiber->resume();
  Task& task = tasks_[current];
  task = {};
  switch (said.why) {
    case HandBack::Why::step: ++result_.nr_steps; return pick(current);
    case HandBack::Why::wait:
      task.waits_on = said.word;
      task.is_interruptible = said.is_interruptible;
      return pick(current);
    case HandBack::Why::wrote:
      for (Task& other : tasks_) {
        if (other.waits_on == said.word) other.waits_on = nullptr;
      }
      return current;
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
  tasks_.assign(bodies.size(), {});
  actors_ = std::vector<Actor>(bodies.size());
  for (u32 i = 0; i < bodies.size(); ++i) {
    actors_[i] = {cpus[i], &bodies[i], nullptr};
    cpus[i]->attach(this);
  }
  for (Actor& actor : actors_) actor.fiber = std::make_unique<Fiber>(&act, &actor);
  for (u32 next = pick(kNobody); next != kNobody;) next = go_on(next);
  const bool stopped = stop_at_violation && !result_.violations.empty();
  for (const Task& task : tasks_) result_.deadlock = result_.deadlock || (!task.done && !stopped);
  // Drops the fibers that are not done.
  actors_.clear();
  for (Cpu* cpu : cpus) cpu->attach(nullptr);
  return result_;
}

}  // namespace hvo
