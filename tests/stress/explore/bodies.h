// Bodies: what the CPUs of a test do, as a program of the exploring engine; and machines to do it on.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "stress/explore/engine/engine.h"
#include "stress/explore/engine/strategies.h"
#include "tests/support/test_machine.h"

namespace hvo::test {

/// Body i is CPU i's; a CPU without one does nothing. Violations end nothing: they are in the machine's logs.
class Bodies final : public stress::Program {
 public:
  using Body = std::function<void(Cpu&)>;
  explicit Bodies(std::vector<Body> bodies) : bodies_(std::move(bodies)) {}
  void act(Cpu& cpu) override {
    if (cpu.id() < bodies_.size()) bodies_[cpu.id()](cpu);
  }
  bool ends_with(const Violation& /*violation*/) override { return false; }

 private:
  std::vector<Body> bodies_;
};

/// CPUs that take `nr_steps` steps each, all on one word, so that each step meets every other one. The word says in
/// which order they came.
class Meeting {
 public:
  static constexpr u32 kMostSteps = 16;
  explicit Meeting(u32 nr_steps, u32 nr_cpus = 2)
      : nr_steps_(nr_steps),
        machine_(nr_cpus),
        word_(&machine_.arena().make<Word<u64>>()),
        program_(std::vector<Bodies::Body>(nr_cpus, [this](Cpu& cpu) { take_steps(cpu); })),
        engine_(machine_.all(), {}) {}

  /// One schedule: which CPU took each step, as "0110".
  std::string run(stress::Strategy& strategy) {
    word_->raw = 0;
    EXPECT_EQ(engine_.run(program_, strategy), stress::End::done);
    std::string order(nr_steps_ * machine_.all().size(), '?');
    for (std::size_t cpu = 0; cpu < machine_.all().size(); ++cpu) {
      for (u32 i = 0; i < nr_steps_; ++i) order[nth_[cpu][i]] = static_cast<char>('0' + cpu);
    }
    return order;
  }
  stress::ExploringEngine& engine() { return engine_; }
  std::string decisions() const { return {engine_.decisions().begin(), engine_.decisions().end()}; }
  /// What a schedule without preemption takes.
  stress::Baseline baseline() {
    stress::ReplayStrategy nothing({});
    run(nothing);
    stress::Baseline b;
    for (u32 i = 0; i < machine_.all().size(); ++i) b.steps[i] = engine_.nr_steps_of(i);
    return b;
  }

 private:
  void take_steps(Cpu& cpu) {
    for (u32 i = 0; i < nr_steps_; ++i) nth_[cpu.id()][i] = cpu.fetch_add(*word_, u64{1});
  }

  u32 nr_steps_;
  TestMachine machine_;
  Word<u64>* word_;
  std::array<std::array<u64, kMostSteps>, stress::kMostCpus> nth_{};  ///< of each CPU's steps, which it was of all
  Bodies program_;
  stress::ExploringEngine engine_;
};

}  // namespace hvo::test
