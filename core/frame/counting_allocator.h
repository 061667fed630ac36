// CountingAllocator: how much is in use. Wraps any allocator of frames.
#pragma once

#include <array>
#include <expected>
#include <span>
#include <utility>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/nodes.h"
#include "core/cpu/cpu.h"

namespace hvo {

/// Counts frames in use, their peak, and blocks in use per order. Counters are relaxed statistics, never steps; each
/// CPU has its own, so that counting makes no two CPUs meet. Thread-safe as Next; exact at a quiescent point, but for
/// the peak, which may be wrong by up to kFold frames, either way, for each CPU but the one that reached it. A leaked
/// frame counts as freed here, as its owner gave it up. Source: percpu_counter, vm_stat_diff.
template <class Next>
class CountingAllocator {
 public:
  static constexpr unsigned kNrOrders = 19;  ///< orders 0 … 18
  static constexpr u64 kFold = 64;           ///< frames that a CPU counts for itself before it tells the others

  /// `rest` goes to Next with the arena and the config.
  template <class Config, class... Args>
  CountingAllocator(Arena& arena, const Config& config, Args&&... rest)
      : s_(&arena.make<State>()),
        cpus_(arena.make_span<PerCpu>(config.nr_cpus)),
        next_(arena, config, std::forward<Args>(rest)...) {}

  std::expected<FrameNo, Errno> alloc(Cpu& cpu, Order order, Placement at = {}) {
    const auto frame = next_.alloc(cpu, order, at);
    if (frame) note(cpu, order, 1);
    return frame;
  }
  std::expected<void, Errno> alloc_bulk(Cpu& cpu, std::span<FrameNo> out, Placement at = {}) {
    const auto done = next_.alloc_bulk(cpu, out, at);
    if (done) note(cpu, Order{0}, out.size());
    return done;
  }
  void free(Cpu& cpu, FrameNo frame, Order order) {
    next_.free(cpu, frame, order);
    note(cpu, order, ~u64{0});
  }
  void free_bulk(Cpu& cpu, std::span<const FrameNo> frames) {
    next_.free_bulk(cpu, frames);
    note(cpu, Order{0}, u64{0} - frames.size());
  }
  void split_page(Cpu& cpu, FrameNo frame, Order order) {
    next_.split_page(cpu, frame, order);
    PerCpu& mine = cpus_[cpu.id()];
    add(mine.blocks[order.v], ~u64{0});
    add(mine.blocks[0], order.nr_pages());
  }

  u64 frames_in_use() const {
    u64 n = 0;
    for (unsigned k = 0; k < kNrOrders; ++k) n += blocks_in_use({static_cast<u8>(k)}) << k;
    return n;
  }
  /// Most frames in use at once.
  u64 peak_frames() const { return read(s_->peak); }
  u64 blocks_in_use(Order order) const {
    u64 n = 0;
    for (PerCpu& cpu : cpus_) n += read(cpu.blocks[order.v]);
    return n;
  }

  Next& next() { return next_; }

 private:
  /// What was folded so far.
  struct State {
    Word<u64> in_use{};  ///< frames
    Word<u64> peak{};
  };
  /// Written by its CPU alone. Counts may be below zero, modulo 2^64: what one CPU allocates another may free.
  struct alignas(64) PerCpu {
    Word<u64> not_folded{};  ///< frames
    std::array<Word<u64>, kNrOrders> blocks{};
    std::array<u64, 4> reserved{};  ///< no padding in hashed state
  };
  static_assert(sizeof(PerCpu) == 192);

  static u64 read(Word<u64>& w) { return ref(w).load(std::memory_order::relaxed); }
  /// Of a word that nobody else writes.
  static u64 add(Word<u64>& w, u64 delta) {
    const u64 now = read(w) + delta;
    ref(w).store(now, std::memory_order::relaxed);
    return now;
  }
  /// `nr_blocks` more are in use, or fewer.
  void note(Cpu& cpu, Order order, u64 nr_blocks) {
    PerCpu& mine = cpus_[cpu.id()];
    add(mine.blocks[order.v], nr_blocks);
    u64 not_folded = add(mine.not_folded, nr_blocks << order.v);
    u64 folded = read(s_->in_use);
    if (not_folded + kFold > 2 * kFold) {
      folded = ref(s_->in_use).fetch_add(not_folded, std::memory_order::relaxed) + not_folded;
      ref(mine.not_folded).store(0, std::memory_order::relaxed);
      not_folded = 0;
    }
    const u64 now = folded + not_folded;
    u64 peak = peak_frames();
    while (static_cast<i64>(now) > static_cast<i64>(peak) &&
           !ref(s_->peak).compare_exchange_weak(peak, now, std::memory_order::relaxed)) {
    }
  }

  State* s_;
  std::span<PerCpu> cpus_;
  Next next_;
};

}  // namespace hvo
