// CountingAllocator: how much is in use. Wraps any allocator of frames.
#pragma once

#include <array>
#include <expected>
#include <span>
#include <utility>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/cpu/cpu.h"

namespace hvo {

/// Counts frames in use, their peak, and blocks in use per order. Counters are relaxed statistics, never steps.
/// Thread-safe as Next; exact at a quiescent point. A leaked frame counts as freed here, as its owner gave it up.
template <class Next>
class CountingAllocator {
 public:
  static constexpr unsigned kNrOrders = 19;  ///< orders 0 … 18

  /// `rest` goes to Next with the arena and the config.
  template <class Config, class... Args>
  CountingAllocator(Arena& arena, const Config& config, Args&&... rest)
      : s_(&arena.make<State>()), next_(arena, config, std::forward<Args>(rest)...) {}

  std::expected<FrameNo, Errno> alloc(Cpu& cpu, Order order) {
    const auto frame = next_.alloc(cpu, order);
    if (frame) note_alloc(order, 1);
    return frame;
  }
  std::expected<void, Errno> alloc_bulk(Cpu& cpu, std::span<FrameNo> out) {
    const auto done = next_.alloc_bulk(cpu, out);
    if (done) note_alloc(Order{0}, out.size());
    return done;
  }
  void free(Cpu& cpu, FrameNo frame, Order order) {
    next_.free(cpu, frame, order);
    note_free(order, 1);
  }
  void free_bulk(Cpu& cpu, std::span<const FrameNo> frames) {
    next_.free_bulk(cpu, frames);
    note_free(Order{0}, frames.size());
  }
  void split_page(Cpu& cpu, FrameNo frame, Order order) {
    next_.split_page(cpu, frame, order);
    add(s_->blocks[order.v], ~u64{0});
    add(s_->blocks[0], order.nr_pages());
  }

  u64 frames_in_use() const {
    u64 n = 0;
    for (unsigned k = 0; k < kNrOrders; ++k) n += blocks_in_use({static_cast<u8>(k)}) << k;
    return n;
  }
  /// Most frames in use at once. Order-0 traffic of several CPUs may be seen a call early or late.
  u64 peak_frames() const { return ref(s_->peak).load(std::memory_order::relaxed); }
  u64 blocks_in_use(Order order) const { return ref(s_->blocks[order.v]).load(std::memory_order::relaxed); }

  Next& next() { return next_; }

 private:
  struct State {
    Word<u64> in_use{};  ///< frames
    Word<u64> peak{};
    std::array<Word<u64>, kNrOrders> blocks{};
  };

  static u64 add(Word<u64>& w, u64 delta) { return ref(w).fetch_add(delta, std::memory_order::relaxed) + delta; }
  void note_alloc(Order order, u64 n) {
    add(s_->blocks[order.v], n);
    const u64 now = add(s_->in_use, n << order.v);
    u64 peak = peak_frames();
    while (peak < now && !ref(s_->peak).compare_exchange_weak(peak, now, std::memory_order::relaxed)) {
    }
  }
  void note_free(Order order, u64 n) {
    add(s_->blocks[order.v], u64{0} - n);
    add(s_->in_use, u64{0} - (n << order.v));
  }

  State* s_;
  Next next_;
};

}  // namespace hvo
