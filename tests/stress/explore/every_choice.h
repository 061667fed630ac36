// EveryChoice: small programs under weak memory, in every schedule and with every choice.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "tests/stress/explore/bodies.h"
#include "tests/support/test_machine.h"

namespace hvo::test {

/// Decisions of both kinds, depth first: which CPU goes on, and which value a load sees.
class EveryChoice final : public stress::Strategy {
 public:
  explicit EveryChoice(u32 preemptions) : depth_first_(preemptions) {}

  bool begin() override { return depth_first_.begin(); }
  u32 pick(const stress::Turn& turn) override { return depth_first_.pick(turn); }
  u32 choose(const stress::Question& question) override {
    ++nr_choices_;
    return only_newest_ ? 0 : depth_first_.choose(question);
  }
  u64 index() const override { return depth_first_.index(); }
  void choose_only_newest() { only_newest_ = true; }
  /// Choices asked for in all runs.
  u64 nr_choices() const { return nr_choices_; }

 private:
  stress::DepthFirst depth_first_;
  u64 nr_choices_ = 0;
  bool only_newest_ = false;
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
  while (choices.begin()) {
    const auto litmus = make();
    stress::ExploringEngine engine(litmus->machine().all(), {.weak = true});
    std::vector<Bodies::Body> bodies;
    for (u32 i = 0; i < litmus->machine().all().size(); ++i) {
      bodies.emplace_back([&litmus, i](Cpu& cpu) { litmus->program(i, cpu); });
    }
    Bodies program(std::move(bodies));
    const stress::End end = engine.run(program, choices);
    outcomes.insert(end == stress::End::deadlock ? "deadlock" : litmus->outcome());
  }
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
