// FailingAllocator: an allocator that runs out of memory when told to. Wraps any allocator of frames.
#pragma once

#include <expected>
#include <span>
#include <utility>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/nodes.h"
#include "core/base/rng.h"
#include "core/cpu/cpu.h"

namespace hvo {

/// Which allocations fail; a bulk allocation is one. Counted machine-wide from set_plan on, the first is number 1.
struct FailurePlan {
  enum class Mode : u8 { none, nth, every, rate };
  Mode mode = Mode::none;
  u64 n = 1;     ///< nth: number n alone; every: n, 2n, 3n…; rate: one in n. At least 1.
  u64 seed = 1;  ///< rate only: the same seed fails the same numbers
};

/// Fails by plan, or when the engine says so (Choice::alloc_fails), with enomem; else passes on to Next.
/// Thread-safe as Next. Source: CONFIG_FAIL_PAGE_ALLOC (should_fail_alloc_page).
template <class Next>
class FailingAllocator {
 public:
  /// `rest` goes to Next with the arena.
  template <class Config, class... Args>
  FailingAllocator(Arena& arena, const Config& config, Args&&... rest)
      : s_(&arena.make<State>()), next_(arena, config, std::forward<Args>(rest)...) {}

  /// Starts a plan. Call at a quiescent point.
  void set_plan(const FailurePlan& plan) {
    *s_ = {.n = plan.n, .seed = plan.seed, .mode = static_cast<u64>(plan.mode)};
  }

  std::expected<FrameNo, Errno> alloc(Cpu& cpu, Order order, Placement at = {}) {
    if (fails(cpu)) return std::unexpected(Errno::enomem);
    return next_.alloc(cpu, order, at);
  }
  std::expected<void, Errno> alloc_bulk(Cpu& cpu, std::span<FrameNo> out, Placement at = {}) {
    if (fails(cpu)) return std::unexpected(Errno::enomem);
    return next_.alloc_bulk(cpu, out, at);
  }
  void free(Cpu& cpu, FrameNo frame, Order order) { next_.free(cpu, frame, order); }
  void free_bulk(Cpu& cpu, std::span<const FrameNo> frames) { next_.free_bulk(cpu, frames); }
  void split_page(Cpu& cpu, FrameNo frame, Order order) { next_.split_page(cpu, frame, order); }

  Next& next() { return next_; }

 private:
  struct State {
    u64 n = 1;
    u64 seed = 1;
    u64 mode = 0;  ///< FailurePlan::Mode; 64 bits so that hashed state has no padding
    Word<u64> nr_asked{};
  };

  bool fails(Cpu& cpu) {
    if (!planned(cpu) && !cpu.choose(Choice::alloc_fails)) return false;
    cpu.count(Event::alloc_failure_injected);
    return true;
  }
  bool planned(Cpu& cpu) {
    const auto mode = static_cast<FailurePlan::Mode>(s_->mode);
    return mode != FailurePlan::Mode::none && is_next_to_fail(cpu, mode);
  }
  [[gnu::noinline]] bool is_next_to_fail(Cpu& cpu, FailurePlan::Mode mode) {
    const u64 number = cpu.fetch_add(s_->nr_asked, u64{1}) + 1;
    switch (mode) {
      case FailurePlan::Mode::none: break;
      case FailurePlan::Mode::nth: return number == s_->n;
      case FailurePlan::Mode::every: return number % s_->n == 0;
      case FailurePlan::Mode::rate: return Rng::seeded(s_->seed, number).one_in(s_->n);
    }
    return false;
  }

  State* s_;
  Next next_;
};

}  // namespace hvo
