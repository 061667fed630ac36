// HookEngine: an engine that runs every step as a plain run does, and calls a hook at each. A test uses it to look at
// the steps, or to let another CPU act at an exact moment.
#pragma once

#include <functional>
#include <utility>

#include "core/cpu/cpu.h"

namespace hvo::test {

class HookEngine : public Engine {
 public:
  using Hook = std::function<void(const Access&)>;

  /// Called when a step is scheduled, before it happens.
  HookEngine& on_before(Hook hook) { return before_ = std::move(hook), *this; }
  /// Called when a step has happened.
  HookEngine& on_done(Hook hook) { return done_ = std::move(hook), *this; }

  void before(Cpu&, const Access& a) override { before_(a); }
  u64 perform(Cpu& cpu, const Access& a, void* word) override {
    const u64 result = cpu.perform(a, word);
    done_(a);
    return result;
  }
  void wait(Cpu&, WaitFor, const void*) override {}
  u32 choose(Cpu&, Choice, u32) override { return 0; }
  void report(Cpu&, const Violation&) override {}

 private:
  Hook before_ = [](const Access&) {};
  Hook done_ = [](const Access&) {};
};

/// Attaches an engine to a CPU for a scope.
class Attached {
 public:
  Attached(Cpu& cpu, Engine& engine) : cpu_(cpu) { cpu_.attach(&engine); }
  ~Attached() { cpu_.attach(nullptr); }
  Attached(const Attached&) = delete;
  Attached& operator=(const Attached&) = delete;

 private:
  Cpu& cpu_;
};

}  // namespace hvo::test
