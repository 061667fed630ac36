// FrameAllocator: hands out frames: a buddy under the zone lock, and before it a list of single frames per CPU.
//
// Lock order: pcp lock → zone lock; never two pcp locks. A list belongs to its CPU by habit only: any CPU may drain it
// under its lock (Linux since 6.2: pcp->lock). The budget is charged before the buddy is asked and given back after it.
// A frame on a list stays charged: it is `cached`, not free.
//
// A frame changes hands through those locks, so its state, order and epoch need no order of their own.
#pragma once

#include <array>
#include <expected>
#include <span>

#include "core/base/error.h"
#include "core/frame/buddy.h"
#include "core/frame/budget.h"
#include "core/frame/frame_run.h"
#include "core/sync/spin_lock.h"

namespace hvo {

struct FrameAllocatorConfig {
  u32 nr_cpus = 1;
  u32 pcp_high = 512;   ///< most frames on a CPU's list; 0: no lists, every call goes to the buddy
  u32 pcp_batch = 63;   ///< frames moved between list and buddy at a time (1 … pcp_high)
  bool poison = false;  ///< freed frames are filled with kPoisonByte
};

/// The allocator of a node's frames. Thread-safe: any CPU, with no pcp or zone lock held. A view: copies share all
/// data. Source: rmqueue, rmqueue_bulk, free_unref_page, __free_one_page, split_page, drain_all_pages of
/// mm/page_alloc.c.
class FrameAllocator {
 public:
  /// Read as a struct page it is a tail, of a head that is nowhere: by a pointer and by a mask.
  static constexpr std::byte kPoisonByte{0x55};
  static constexpr u8 kInsideBlock = 0xff;  ///< FrameTable::order of a frame that is not the first of its block
  static constexpr u8 kMaxOrder = 18;       ///< of a block; above 9 only wholly free areas serve

  /// The `nr` frames from `first` on start out free; there are others, which this allocator never touches. `frames` and
  /// what `budget` counts live as long as the allocator.
  FrameAllocator(Arena& arena, const FrameAllocatorConfig& config, const FrameTable& frames, const Budget& budget,
                 FrameNo first, u64 nr);

  /// A block of 2^order frames in FrameState::allocated. Error: enomem, after the lists of all CPUs were drained.
  std::expected<FrameNo, Errno> alloc(Cpu& cpu, Order order);
  /// As many single frames as `out` has room for, or none (enomem).
  std::expected<void, Errno> alloc_bulk(Cpu& cpu, std::span<FrameNo> out);

  /// Gives a block back as it was allocated, or as split_page left it. Reports Rule::conservation, and leaks the frame,
  /// when the order is not that of the block (a split_page is missing) or when it is free already.
  void free(Cpu& cpu, FrameNo frame, Order order);
  /// Gives single frames back; each is checked as by free.
  void free_bulk(Cpu& cpu, std::span<const FrameNo> frames);

  /// Makes single frames of a block that the caller owns. Reports Rule::conservation if it is not such a block.
  void split_page(Cpu& cpu, FrameNo frame, Order order);

  /// Moves the frames of every CPU's list to the buddy.
  void drain_all(Cpu& cpu);

  /// Free frames (in the buddy), and frames on per-CPU lists. Exact at a quiescent point.
  u64 nr_free(Cpu& cpu);
  u64 nr_cached(Cpu& cpu);
  u64 nr_frames() const { return nr_frames_; }
  FrameNo first_frame() const { return first_; }
  /// For reports: where the locks are.
  const SpinLock& zone_lock() const { return zone_lock_; }
  const SpinLock& pcp_lock(u32 cpu) const { return lists_[cpu].lock; }

  /// Drains the lists of all CPUs, then calls fn(runs) for each area of frames: the runs of free ones that left an
  /// owner when the clock stood at `since` or later, those that may hold something. Under the zone lock, which is let
  /// go between areas, so that nobody can take a frame of these runs meanwhile. Frames on their way to the buddy are
  /// not seen.
  template <class Fn>
  void for_each_freed_area(Cpu& cpu, u32 since, Fn fn);

  /// Recounts: each frame is free, cached or used, exactly once, and the budget covers what is not free. False, after
  /// reports of Rule::conservation, when not. Call at a quiescent point; linear in the frames.
  bool validate(Cpu& cpu);

 private:
  struct alignas(64) PerCpuList {
    SpinLock lock{LockRank(LockClass::pcp, 0)};
    u32 count HVO_GUARDED_BY(lock) = 0;
  };

  std::span<FrameNo> entries(u32 cpu) const { return entries_.subspan(u64{cpu} * config_.pcp_high, config_.pcp_high); }
  /// Charges and takes single frames from the buddy, all or none.
  bool take_single(Cpu& cpu, std::span<FrameNo> out) HVO_EXCLUDES(zone_lock_);
  bool take_cached(Cpu& cpu, std::span<FrameNo> out) HVO_EXCLUDES(zone_lock_);
  /// One frame from, or to, the CPU's list, when it is neither empty nor full: what nearly every call comes to.
  bool pop_cached(Cpu& cpu, FrameNo& out) noexcept;
  bool push_cached(Cpu& cpu, FrameNo frame) noexcept;
  /// As alloc, where the CPU's list can't help at once.
  [[gnu::noinline]] std::expected<FrameNo, Errno> alloc_off_list(Cpu& cpu, Order order);
  /// The frame is handed out.
  void mark_allocated(FrameNo frame) const;
  bool try_alloc_bulk(Cpu& cpu, std::span<FrameNo> out) HVO_EXCLUDES(zone_lock_);
  bool try_alloc_block(Cpu& cpu, Order order, FrameNo& out) HVO_EXCLUDES(zone_lock_);
  void give_single(Cpu& cpu, std::span<const FrameNo> frames) HVO_EXCLUDES(zone_lock_);
  void give_cached(Cpu& cpu, std::span<const FrameNo> frames) HVO_EXCLUDES(zone_lock_);
  [[gnu::noinline]] void give_one(Cpu& cpu, FrameNo frame) HVO_EXCLUDES(zone_lock_);
  [[gnu::noinline]] void free_block(Cpu& cpu, FrameNo frame, Order order) HVO_EXCLUDES(zone_lock_);
  /// To the CPU's list or, without lists, to the buddy.
  void give_retired(Cpu& cpu, std::span<const FrameNo> frames) HVO_EXCLUDES(zone_lock_);
  /// Past its last frame.
  FrameNo end() const { return first_ + nr_frames_; }
  bool exists(FrameNo frame, Order order) const;
  /// Checks that the caller may free this block; reports if not.
  bool may_free(Cpu& cpu, FrameNo frame, Order order) const;
  [[gnu::noinline]] bool refuse_to_free(Cpu& cpu, FrameNo frame, Order order) const;
  /// The frame leaves its owner: state, order, epoch, poison.
  void retire(Cpu& cpu, FrameNo frame, FrameUse use, u32 epoch) const;
  HVO_OFF_THE_FAST_PATH void poison(Cpu& cpu, FrameNo frame) const noexcept;
  bool complain(Cpu& cpu, u64 object, u64 expected, u64 seen, std::string_view what) const;
  bool validate_buddy(Cpu& cpu, u64 nr_free_states) HVO_EXCLUDES(zone_lock_);
  bool validate_list(Cpu& cpu, u32 list_of, u64& nr_listed) const;
  /// The epoch of what is freed now: past that of every translation filled so far.
  u32 next_epoch() const { return ref(*frames_.clock).load(std::memory_order::relaxed) + 1; }
  /// The frame is used again: translations filled from now on are not older than its epoch.
  void catch_up_with(FrameNo frame) const;
  HVO_OFF_THE_FAST_PATH void move_clock(u32 epoch) const noexcept;

  FrameAllocatorConfig config_;
  FrameTable frames_;  ///< a copy of the view: one load less to each frame
  FrameNo first_;
  u64 nr_frames_;
  Budget budget_;
  SpinLock& zone_lock_;
  Buddy<FrameNo> buddy_ HVO_GUARDED_BY(zone_lock_);
  std::span<PerCpuList> lists_;
  std::span<FrameNo> entries_;   ///< config_.pcp_high per CPU, a stack each, guarded by its list's lock
  std::span<std::byte> poison_;  ///< one frame's worth, constant; empty when off
};

template <class Fn>
void FrameAllocator::for_each_freed_area(Cpu& cpu, u32 since, Fn fn) {
  drain_all(cpu);
  std::array<FrameRun, kAreaUnits / 2> runs;
  std::size_t nr_runs = 0;
  const auto is_meant = [&](FrameNo f) { return frames_.epoch_of(f) > since; };
  const auto add = [&](FrameNo first, u64 nr) {
    for (u64 i = 0, start = 0; i <= nr; ++i) {
      if (i < nr && is_meant(first + i)) continue;
      if (i != start) runs[nr_runs++] = {first + start, i - start};
      start = i + 1;
    }
  };
  const u64 nr_areas = (nr_frames_ + kAreaUnits - 1) / kAreaUnits;
  for (u64 area = 0; area < nr_areas; ++area, nr_runs = 0) {
    SpinGuard guard(cpu, zone_lock_);
    buddy_.for_each_free_run(area, add);
    if (nr_runs != 0) fn(std::span<const FrameRun>(runs.data(), nr_runs));
  }
}

}  // namespace hvo
