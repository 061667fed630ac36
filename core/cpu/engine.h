// Engine: what may stand between a CPU and modelled memory. Null in a plain run, reached only from slow paths.
#pragma once

#include "core/base/violation.h"
#include "core/cpu/access.h"

namespace hvo {

class Cpu;

/// The five calls of the seam. An engine decides when a step happens, what it yields and who runs meanwhile:
/// schedule exploration, weak memory, replay and tracing all plug in here, and core is not touched again.
///
/// Thread-safety: an engine that runs CPUs on several threads synchronises itself; core calls it concurrently.
class Engine {
 public:
  virtual ~Engine() = default;

  /// Called before each step. Other CPUs may run here (delay, fiber switch, trace). The access is the one that the
  /// CPU will take next, unless it serves an interrupt first: then `before` is called for it once more.
  virtual void before(Cpu& cpu, const Access& access) = 0;

  /// DOES the access and returns the loaded (or, for an RMW, the old) value, zero-extended. Either by
  /// Cpu::perform or with any value that the memory model allows. Not preceded by `before` for
  /// plain_load, plain_store and fill_frame: nobody else can see those.
  virtual u64 perform(Cpu& cpu, const Access& access, void* word) = 0;

  /// The CPU can't go on before `word` is stored to, or an interrupt is posted to it. May return early.
  virtual void wait(Cpu& cpu, WaitFor why, const void* word) = 0;

  /// One of n alternatives, 0 … n-1.
  virtual u32 choose(Cpu& cpu, Choice choice, u32 n) = 0;

  /// A violation was seen. Exploration does not return from this call (the fiber is abandoned, not unwound).
  virtual void report(Cpu& cpu, const Violation& violation) = 0;
};

}  // namespace hvo
