// Explorer: every schedule of what the CPUs of one machine do, from the same state each time, for tests that bring
// programs of their own.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "stress/explore/engine/footprints.h"
#include "stress/explore/subjects/snapshot.h"
#include "tests/stress/explore/bodies.h"

namespace hvo::test {

/// A schedule that came to its end.
struct Ended {
  stress::End end{};
  u32 nr_steps = 0;
  u32 nr_preemptions = 0;  ///< of a depth-first search
  std::vector<Violation> violations{};
  std::vector<u8> decisions{};  ///< for Explorer::replay
  bool is_stuck() const { return end == stress::End::deadlock || end == stress::End::endless; }
};

/// Not thread-safe. The machine's CPUs are idle whenever an Explorer is called.
class Explorer {
 public:
  using Body = Bodies::Body;
  /// Called at the end of each schedule, the machine as it left it.
  using AtEnd = std::function<void(const Ended&)>;

  /// All schedules start from the state that the machine has now.
  explicit Explorer(Machine& machine, const stress::EngineOptions& options = {})
      : machine_(machine),
        start_(machine),
        words_(machine.arena().bytes().size(), machine.memory().bytes().size(), machine.frame_table().page_shift),
        footprints_(words_),
        engine_(machine.cpus(), options) {
    engine_.note_frames(start_.dirty_frames());
    engine_.hash_traces(words_);
  }

  /// Every schedule with at most so many preemptions, but for those that differ in nothing (footprints.h). `begin` is
  /// called when a pass begins: there may be several, and the last one counts.
  void explore(const std::vector<Body>& bodies, u32 preemptions, const std::function<void()>& begin,
               const AtEnd& at_end) {
    // Fewer preemptions teach nearly all footprints, at little cost.
    if (preemptions != 0) explore(bodies, preemptions - 1, begin, at_end);
    do {
      begin();
      pass(bodies, preemptions, &footprints_, at_end);
    } while (footprints_.take_growth());
  }
  /// Really every one.
  void explore_all(const std::vector<Body>& bodies, u32 preemptions, const AtEnd& at_end) {
    pass(bodies, preemptions, nullptr, at_end);
  }
  /// The first of them that fits.
  std::optional<Ended> find(const std::vector<Body>& bodies, u32 preemptions,
                            const std::function<bool(const Ended&)>& fits) {
    engine_.skip_what_meets_nobody(nullptr);
    stress::DepthFirst strategy(preemptions);
    while (strategy.begin()) {
      Ended ended = run(bodies, strategy);
      if (fits(ended)) return ended;
    }
    return std::nullopt;
  }
  /// The strategy has begun the schedule.
  Ended run(const std::vector<Body>& bodies, stress::Strategy& strategy) {
    start_.restore();
    Bodies program(bodies);
    Ended ended{.end = engine_.run(program, strategy)};
    ended.nr_steps = engine_.nr_steps();
    ended.decisions.assign(engine_.decisions().begin(), engine_.decisions().end());
    for (u32 i = 0; i < machine_.nr_cpus(); ++i) {
      const ViolationLog& log = machine_.diagnostics(i).violations;
      ended.violations.insert(ended.violations.end(), log.first.begin(), log.first.begin() + log.nr_kept);
    }
    // What looks at the machine afterwards may store to it.
    start_.all_is_dirty();
    return ended;
  }
  /// One schedule again, all that the CPUs do recorded.
  std::vector<stress::Moment> replay(const std::vector<Body>& bodies, const std::vector<u8>& decisions) {
    std::vector<stress::Moment> moments;
    stress::ReplayStrategy strategy(decisions);
    strategy.begin();
    engine_.record(&moments);
    (void)run(bodies, strategy);
    engine_.record(nullptr);
    return moments;
  }
  void restore() { start_.restore(); }

 private:
  void pass(const std::vector<Body>& bodies, u32 preemptions, stress::Footprints* footprints, const AtEnd& at_end) {
    engine_.skip_what_meets_nobody(footprints);
    stress::DepthFirst strategy(preemptions);
    while (strategy.begin()) {
      Ended ended = run(bodies, strategy);
      ended.nr_preemptions = strategy.nr_preemptions();
      at_end(ended);
    }
    engine_.skip_what_meets_nobody(nullptr);
  }

  Machine& machine_;
  stress::Snapshot start_;
  stress::WordNumbers words_;
  stress::Footprints footprints_;
  stress::ExploringEngine engine_;
};

}  // namespace hvo::test
