// EveryChoice: small programs under weak memory, in every schedule and with every choice.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "stress/explore/memory/weak_memory.h"
#include "tests/litmus/fiber_engine.h"
#include "tests/support/test_machine.h"

namespace hvo::test {

/// Decisions of both kinds, depth first. Fibers and the scheduler share it: not instrumented, and no vector.
class EveryChoice : public Schedule, public stress::Chooser {
 public:
  explicit EveryChoice(u32 preemptions) : bound_(preemptions) {}

  HVO_DETECTOR u32 pick(u32 n, bool can_stay) override {
    const u32 chosen = decide(can_stay && nr_preemptions_ == bound_ ? 1 : n);
    if (can_stay && chosen != 0) ++nr_preemptions_;
    return chosen;
  }
  HVO_DETECTOR u32 choose(Cpu& /*cpu*/, u32 n) override {
    ++nr_choices_;
    return only_newest_ ? 0 : decide(n);
  }
  /// Goes to the next run; false when all are done.
  bool next() {
    depth_ = 0;
    nr_preemptions_ = 0;
    while (nr_ != 0) {
      if (++decisions_[nr_ - 1].chosen < decisions_[nr_ - 1].nr) return true;
      --nr_;
    }
    return false;
  }
  void choose_only_newest() { only_newest_ = true; }
  /// Choices asked for in all runs.
  u64 nr_choices() const { return nr_choices_; }

 private:
  struct Decision {
    u32 chosen = 0;
    u32 nr = 1;
  };
  HVO_DETECTOR u32 decide(u32 n) {
    if (depth_ == nr_) {
      if (nr_ == kMost) __builtin_trap();
      decisions_[nr_].chosen = 0;
      decisions_[nr_++].nr = n;
    }
    return decisions_[depth_++].chosen;
  }

  static constexpr u32 kMost = 1024;
  Decision decisions_[kMost];
  u32 nr_ = 0;
  u32 depth_ = 0;
  u32 bound_;
  u32 nr_preemptions_ = 0;
  u64 nr_choices_ = 0;
  bool only_newest_ = false;
};

/// The fiber engine over a weak memory.
class WeakEngine : public FiberEngine {
 public:
  WeakEngine(stress::WeakMemory& memory, EveryChoice& choices) : memory_(memory), choices_(choices) {}
  void wait(Cpu& cpu, WaitFor why, const void* word) override {
    if (!memory_.catch_up(cpu, word)) FiberEngine::wait(cpu, why, word);
  }

 protected:
  u64 do_access(Cpu& cpu, const Access& access, void* word) override {
    return memory_.perform(cpu, access, word, choices_);
  }

 private:
  stress::WeakMemory& memory_;
  EveryChoice& choices_;
};

/// A litmus test: a machine, one program per CPU, and what came out.
class Litmus {
 public:
  explicit Litmus(u32 nr_cpus, TestKnobs knobs = {}) : machine_(nr_cpus, knobs) {}
  virtual ~Litmus() = default;
  virtual void program(u32 i, Cpu& cpu) = 0;
  virtual std::string outcome() = 0;
  TestMachine& machine() { return machine_; }

 protected:
  Word<u64>& word() { return machine_.arena().make<Word<u64>>(); }
  TestMachine machine_;
};

using Outcomes = std::set<std::string>;
using MakeLitmus = std::function<std::unique_ptr<Litmus>()>;

/// All outcomes with at most so many preemptions.
inline Outcomes outcomes_of(const MakeLitmus& make, EveryChoice& choices) {
  Outcomes outcomes;
  do {
    const auto litmus = make();
    stress::WeakMemory memory(litmus->machine().all());
    WeakEngine engine(memory, choices);
    std::vector<FiberEngine::Body> bodies;
    for (u32 i = 0; i < litmus->machine().all().size(); ++i) {
      bodies.emplace_back([&litmus, i](Cpu& cpu) { litmus->program(i, cpu); });
    }
    const auto result = engine.run(litmus->machine().all(), bodies, choices, false);
    outcomes.insert(result.deadlock ? "deadlock" : litmus->outcome());
  } while (choices.next());
  return outcomes;
}

template <class T, class... Args>
Outcomes weak(u32 preemptions, const Args&... args) {
  EveryChoice choices(preemptions);
  return outcomes_of([=] { return std::make_unique<T>(args...); }, choices);
}

/// The same where each choice is the first: sequential consistency.
template <class T, class... Args>
Outcomes sequential(u32 preemptions, const Args&... args) {
  EveryChoice choices(preemptions);
  choices.choose_only_newest();
  return outcomes_of([=] { return std::make_unique<T>(args...); }, choices);
}

}  // namespace hvo::test
