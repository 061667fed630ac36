// Perturber: makes races likely. An engine that now and then holds a CPU up before a step, or has it forget a
// translation.
//
// On two cores a window of a few nanoseconds is met by luck only. Here a CPU stops in the middle of one, for about as
// long as the others need for a folio: either as a slow CPU does, which answers nobody meanwhile, or as one whose task
// was preempted, which serves interrupts and goes on later. Only the second lets others flush and remap under a walker
// that has looked and not yet stored. What is done is ordinary: each
// access is the one that a plain run makes, so ThreadSanitizer sees the same synchronisation.
#pragma once

#include "core/base/rng.h"
#include "core/cpu/engine.h"

namespace hvo::stress {

/// One per CPU; used by the host thread that acts as this CPU. Decisions follow from the seed, their effect does not.
class Perturber : public Engine {
 public:
  explicit Perturber(u64 seed, u64 stream) : rng_(Rng::seeded(seed, stream)) {}

  void before(Cpu& cpu, const Access& access) override;
  u64 perform(Cpu& cpu, const Access& access, void* word) override;
  void wait(Cpu& cpu, WaitFor why, const void* word) override;
  u32 choose(Cpu& cpu, Choice choice, u32 n) override;
  void report(Cpu& /*cpu*/, const Violation& /*violation*/) override {}

 private:
  u64 steps_per_delay(const Cpu& cpu, const Access& access);

  Rng rng_;
  bool was_ordering_ = false;  ///< the last step was more than a relaxed access
};

}  // namespace hvo::stress
