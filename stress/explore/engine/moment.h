// Moment: one thing that a CPU did in an exploration. A replayed schedule is a list of them, in the order in which they
// happened.
#pragma once

#include "core/base/violation.h"
#include "core/cpu/access.h"
#include "core/cpu/diagnostics.h"

namespace hvo::stress {

struct Moment {
  enum class What : u8 {
    access,     ///< did `access` on `word`, with `result`
    wait,       ///< found that it can't go on before `word` is written
    choice,     ///< took alternative `result` of a choice that is none of the schedule
    violation,  ///< reported `violation`
    section,    ///< is about to enter a read section, unless it serves an interrupt first: then it comes again
    done,       ///< came to the end of what it had to do
  };
  What what{};
  u8 cpu = 0;
  Op op{};                     ///< what the CPU was in the middle of
  bool is_old = false;         ///< access: `result` is not what memory held last (weak memory)
  WaitFor wait_for{};          ///< wait
  Choice choice{};             ///< choice
  u32 step = 0;                ///< so many steps, of all CPUs, were begun before
  u32 rcu_depth = 0;           ///< read sections that it was in
  u64 result = 0;              ///< access: the value loaded, or the old one; choice: what was taken
  const void* word = nullptr;  ///< where the accessed word really is: in the machine's arena or in its memory
  Access access{};             ///< violation: what the CPU was about to do; of no size when nothing is known of it
  Violation violation{};
  // An access that posts a request to a CPU, or takes or answers one (engine/requests.h fills these in):
  u32 asked = 0;  ///< Request bits; 0: it does no such thing
  u64 first = 0;  ///< a flush: the addresses, last inclusive
  u64 last = 0;
};

}  // namespace hvo::stress
