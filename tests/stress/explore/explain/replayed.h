// Replayed: a schedule of a race in the tiny geometry, as moments, found by trying schedules until one fits.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "core/machine/machine.h"
#include "tests/stress/explore/explorer.h"

namespace hvo::test {

/// Not thread-safe.
class Replayed {
 public:
  using Body = Explorer::Body;
  using Fits = std::function<bool(const Ended&)>;

  /// A machine of that design with 128 pages.
  explicit Replayed(std::string_view design, u32 nr_cpus = 2);
  virtual ~Replayed() = default;
  Replayed(const Replayed&) = delete;
  Replayed& operator=(const Replayed&) = delete;

  /// All schedules begin in the state that the machine has now.
  void begin_here() { explorer_ = std::make_unique<Explorer>(*machine_); }
  /// Looks for a schedule with at most so many preemptions that fits, and replays it. False when there is none.
  /// Afterwards the machine is as it was when the schedule began.
  bool find(const std::vector<Body>& bodies, u32 preemptions, const Fits& fits);

  Machine& machine() { return *machine_; }
  const std::vector<stress::Moment>& moments() const { return moments_; }

 private:
  std::unique_ptr<Machine> machine_;
  std::unique_ptr<Explorer> explorer_;
  std::vector<stress::Moment> moments_;
};

/// On CPU 0 a page in use is freed and becomes a tail of a hugepage; on CPU 1 a walker takes a reference on it; on a
/// third CPU, if there is one, somebody allocates and frees a page.
class ReplayedWalk : public Replayed {
 public:
  explicit ReplayedWalk(std::string_view design, Op walker = Op::pfn_walk_unfiltered, u32 nr_cpus = 2);

  /// A schedule in which the walker traps.
  bool find(u32 preemptions);
  const Violation& violation() const { return violation_; }
  Pfn page() const { return page_; }

 private:
  void use_page();
  void recycle(Cpu& cpu);
  void walk(Cpu& cpu);

  Op walker_;
  Pfn page_;
  Violation violation_{};
};

}  // namespace hvo::test
