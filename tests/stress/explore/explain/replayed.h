// Replayed: a race of two CPUs in the tiny geometry, a schedule of it that goes wrong, and that schedule as moments.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/machine/machine.h"
#include "stress/explore/engine/moment.h"
#include "tests/litmus/fiber_engine.h"
#include "tests/litmus/snapshot.h"

namespace hvo::test {

struct RaceConfig {
  std::string_view design = "shared-tail";
  Op walker = Op::pfn_walk_unfiltered;
  u32 nr_cpus = 2;
};

/// On CPU 0 a page in use is freed and becomes a tail of a hugepage; on CPU 1 a walker takes a reference on it, and on
/// a third CPU, if there is one, somebody allocates and frees a page.
class Replayed {
 public:
  explicit Replayed(const RaceConfig& config);

  /// Looks for a schedule with at most so many preemptions in which the walker traps, and replays it. False when there
  /// is none. Afterwards the machine is as it was when the schedule began.
  bool find(u32 preemptions);
  Machine& machine() { return *machine_; }
  const std::vector<stress::Moment>& moments() const { return moments_; }
  const Violation& violation() const { return violation_; }
  Pfn page() const { return page_; }

 private:
  void use_page();
  void recycle(Cpu& cpu);
  void walk(Cpu& cpu);
  std::vector<FiberEngine::Body> bodies();
  void listen(const Moment& moment);

  RaceConfig config_;
  std::unique_ptr<Machine> machine_;
  Pfn page_;
  std::unique_ptr<Snapshot> start_;
  std::vector<stress::Moment> moments_;
  std::vector<Access> next_;  ///< per CPU: the access that it announced last
  u32 nr_steps_ = 0;
  Violation violation_{};
};

}  // namespace hvo::test
