// Fiber: a function with a stack of its own, that hands back to whoever resumed it.
//
// Its source is compiled without instrumentation and tells a sanitizer of each switch. Under ThreadSanitizer a fiber is
// a thread of its own and a switch orders nothing: a publish by a relaxed store is reported, on one thread, each time;
// only its begin and its end order, as those of a thread do. So that this holds, what passes between a fiber and
// its resumer passes by value through here (HandBack), and neither touches the other's data.
#pragma once

#include <memory>

#include "core/base/violation.h"
#include "core/cpu/access.h"

namespace hvo {

/// Why a fiber hands back.
struct HandBack {
  enum class Why : u8 {
    step,       ///< about to take the step `access`: somebody else may go first
    did,        ///< has done `access` on `word`, with `result`
    wait,       ///< can't go on before `word` is written
    violation,  ///< has to report `violation`
    done,       ///< its function has returned
  };
  Why why{};
  const void* word = nullptr;
  bool is_interruptible = false;  ///< Why::wait: interrupts are served meanwhile
  WaitFor wait_for{};             ///< Why::wait
  Violation violation{};
  Access access{};
  u64 result = 0;
  Op op{};            ///< what the CPU is in the middle of
  u32 rcu_depth = 0;  ///< read sections that it is in
};

class Fiber {
 public:
  using Entry = void (*)(void* argument);

  /// Nothing runs before the first resume(); what was written before that is visible to the fiber.
  Fiber(Entry entry, void* argument);
  /// A fiber that is not done is dropped: its stack is kept, not unwound.
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Goes on in the fiber until it hands back. Not after Why::done, whose writes are visible to the caller.
  HandBack resume();
  /// Called in the fiber: goes on in the caller of resume(), until the next resume().
  void hand_back(const HandBack& what);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hvo
