// Explorer: every schedule of what the CPUs of one machine do, from the same state each time.
#pragma once

#include <functional>
#include <vector>

#include "tests/litmus/fiber_engine.h"
#include "tests/litmus/snapshot.h"

namespace hvo {

/// Not thread-safe. The machine's CPUs are idle whenever an Explorer is called.
class Explorer {
 public:
  using Bodies = std::vector<FiberEngine::Body>;
  /// Called at the end of each schedule.
  using AtEnd = std::function<void(const DepthFirstSchedule&, const FiberEngine::Result&)>;

  /// All schedules start from the state that the machine has now.
  explicit Explorer(Machine& machine) : machine_(machine), start_(machine), footprints_(machine.nr_cpus()) {}

  /// Every schedule with at most so many preemptions, but for those that differ in nothing (footprints.h). `begin` is
  /// called when a pass begins: there may be several, and the last one counts.
  void explore(const Bodies& bodies, u32 preemptions, const std::function<void()>& begin, const AtEnd& at_end) {
    // Fewer preemptions teach nearly all footprints, at little cost.
    if (preemptions != 0) explore(bodies, preemptions - 1, begin, at_end);
    do {
      begin();
      pass(bodies, preemptions, &footprints_, at_end);
    } while (footprints_.has_grown());
  }
  /// Really every one.
  void explore_all(const Bodies& bodies, u32 preemptions, const AtEnd& at_end) {
    pass(bodies, preemptions, nullptr, at_end);
  }
  /// One schedule again, all that the CPUs do recorded.
  std::vector<Moment> replay(const Bodies& bodies, const std::vector<u32>& picks) {
    std::vector<Moment> moments;
    ReplaySchedule schedule(picks);
    FiberEngine engine;
    engine.record(moments);
    run(engine, bodies, schedule);
    return moments;
  }

 private:
  void pass(const Bodies& bodies, u32 preemptions, Footprints* footprints, const AtEnd& at_end) {
    DepthFirstSchedule schedule(preemptions);
    do {
      FiberEngine engine;
      if (footprints != nullptr) engine.skip_what_meets_nobody(*footprints);
      const FiberEngine::Result result = run(engine, bodies, schedule);
      at_end(schedule, result);
    } while (schedule.next());
  }
  FiberEngine::Result run(FiberEngine& engine, const Bodies& bodies, Schedule& schedule) {
    start_.restore();
    return engine.run(machine_.cpus(), bodies, schedule, false);
  }

  Machine& machine_;
  Snapshot start_;
  Footprints footprints_;
};

}  // namespace hvo
