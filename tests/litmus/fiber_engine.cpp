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

bool FiberEngine::can_run(const Task& task) const {
  if (task.done) return false;
  if (task.waits_on == nullptr) return true;
  // A CPU that waits with interrupts on can go on for its mailbox.
  CpuState& state = task.cpu->state();
  const u32 attention = ref(state.attention).load(std::memory_order::relaxed);
  return (attention & kAttentionTlbi) != 0 || (state.irq_off == 0 && (attention & kAttentionInterrupt) != 0);
}

u32 FiberEngine::pick(u32 current) {
  std::vector<u32> alternatives;
  const bool can_stay = current != kNobody && can_run(tasks_[current]);
  if (can_stay) alternatives.push_back(current);
  for (u32 i = 0; i < tasks_.size(); ++i) {
    if (i != current && can_run(tasks_[i])) alternatives.push_back(i);
  }
  if (alternatives.empty()) return kNobody;
  if (alternatives.size() == 1) return alternatives[0];
  return alternatives[schedule_->pick(static_cast<u32>(alternatives.size()), can_stay)];
}

void FiberEngine::switch_from(Task& task) { task.main = std::move(task.main).resume(); }

void FiberEngine::before(Cpu& cpu, const Access& /*access*/) {
  ++result_.nr_steps;
  next_ = pick(cpu.id());
  if (next_ != cpu.id()) switch_from(task_of(cpu));
}

u64 FiberEngine::perform(Cpu& cpu, const Access& access, void* word) {
  if (access.is_write()) {
    for (Task& task : tasks_) {
      if (task.waits_on == word) task.waits_on = nullptr;
    }
  }
  return perform_directly(access, word, u64{1} << cpu.wiring().frames->page_shift);
}

void FiberEngine::wait(Cpu& cpu, WaitFor /*why*/, const void* word) {
  Task& task = task_of(cpu);
  task.waits_on = word;
  next_ = pick(cpu.id());
  if (next_ != cpu.id()) switch_from(task);
  task.waits_on = nullptr;
}

void FiberEngine::report(Cpu& cpu, const Violation& violation) {
  result_.violations.push_back(violation);
  if (!stop_at_violation_) return;
  stopped_ = true;
  switch_from(task_of(cpu));
}

FiberEngine::Result FiberEngine::run(std::span<Cpu* const> cpus, const std::vector<Body>& bodies, Schedule& schedule,
                                     bool stop_at_violation) {
  // Abandoned fibers live on here: destroying one would unwind its stack.
  static std::vector<boost::context::fiber> abandoned;
  tasks_.clear();
  tasks_.resize(bodies.size());
  schedule_ = &schedule;
  stop_at_violation_ = stop_at_violation;
  stopped_ = false;
  result_ = {};
  for (u32 i = 0; i < bodies.size(); ++i) {
    Task& task = tasks_[i];
    task.cpu = cpus[i];
    task.cpu->attach(this);
    task.fiber = boost::context::fiber(std::allocator_arg, boost::context::protected_fixedsize_stack(64 * 1024),
                                       [&task, &body = bodies[i]](boost::context::fiber&& main) {
                                         task.main = std::move(main);
                                         task.cpu->run();
                                         body(*task.cpu);
                                         task.cpu->idle();
                                         task.done = true;
                                         return std::move(task.main);
                                       });
  }
  next_ = pick(kNobody);
  while (next_ != kNobody && !stopped_) {
    Task& task = tasks_[next_];
    task.fiber = std::move(task.fiber).resume();
    if (task.done && !stopped_) next_ = pick(kNobody);
  }
  for (Task& task : tasks_) {
    if (!task.done) {
      result_.deadlock = result_.deadlock || !stopped_;
      abandoned.push_back(std::move(task.fiber));
    }
    task.cpu->attach(nullptr);
  }
  return result_;
}

}  // namespace hvo
