// What the engine records of a schedule, when it is asked to: for those that are told, not for those that are searched.
#include "stress/explore/engine/engine.h"
#include "stress/explore/engine/quiet.h"
#include "stress/explore/engine/requests.h"

namespace hvo::stress {

/// The CPU takes this step now, or serves an interrupt first and comes again.
void ExploringEngine::note_begun(Cpu& cpu, const Access& access) {
  const Quiet quiet;
  Task& task = now_.tasks[cpu.id()];
  if (access.kind != Kind::walker_load) task.access = access;
  if (access.kind != Kind::nothing) return;
  moments_->push_back({.what = Moment::What::section,
                       .cpu = static_cast<u8>(cpu.id()),
                       .op = cpu.op(),
                       .step = now_.nr_steps,
                       .rcu_depth = cpu.state().rcu_depth + 1});
}

void ExploringEngine::record_access(Cpu& cpu, const Access& access, const void* word, u64 result) {
  moments_->push_back({.what = Moment::What::access,
                       .cpu = static_cast<u8>(cpu.id()),
                       .op = cpu.op(),
                       .is_old = weak_ != nullptr && weak_->was_old(),
                       .step = now_.nr_steps,
                       .rcu_depth = cpu.state().rcu_depth,
                       .result = result,
                       .word = word,
                       .access = access});
  note_request(moments_->back(), cpus_);
}

}  // namespace hvo::stress
