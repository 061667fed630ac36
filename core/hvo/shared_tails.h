// SharedTails: one frame full of tails per zone (of a node) and order, mapped by every optimised folio of that kind.
//
// Made when first needed, published by compare-exchange, never replaced and never freed (Z16: with a plain store two
// makers would each keep their own).
//
// Synchronises-with pair: (1) published: cmpxchg, fully ordered ↔ (2) read: load acquire. So whoever maps the frame
// sees its tails.
#pragma once

#include <expected>

#include "core/frame/frame_source.h"
#include "core/vmemmap/vmemmap.h"

namespace hvo {

/// Thread-safe; no lock. Source: vmemmap_get_tail(), zone->vmemmap_tails (622026e87c40).
class SharedTails {
 public:
  static constexpr unsigned kNrOrders = 23;  ///< orders 0 … 22 (MAX_FOLIO_ORDER)

  SharedTails(Arena& arena, Vmemmap& vmemmap, const FrameTable& frames, FrameSource& source, Safeguards safeguards,
              u64 nr_cpus);

  /// The frame for folios of this zone (Vmemmap::zone_of) and order; makes it if there is none. Error: enomem.
  std::expected<FrameNo, Errno> get(Cpu& cpu, u64 zone, Order order);
  /// The frame, or kNoFrame when none was needed yet.
  FrameNo peek(Cpu& cpu, u64 zone, Order order) const;
  /// Frames made so far. Quiescent machine.
  u64 nr_frames(Cpu& cpu) const;
  bool contains(Cpu& cpu, FrameNo frame) const;
  /// For reports: the word of each zone and order, zone by zone.
  std::span<const Word<u32>> slots() const { return slots_; }

 private:
  /// 0: none yet; else frame + 1.
  Word<u32>& slot(u64 zone, Order order) const { return slots_[zone * kNrOrders + order.v]; }
  std::expected<FrameNo, Errno> take_frame(Cpu& cpu, u64 zone);
  /// Makes every struct page of the frame, nobody else's yet, a tail.
  void fill(Cpu& cpu, FrameNo frame, u64 zone, Order order);

  Vmemmap& vmemmap_;
  const FrameTable& frames_;
  FrameSource& source_;
  Safeguards safeguards_;
  std::span<Word<u32>> slots_;
  std::span<std::byte> scratch_;  ///< one page per CPU
};

}  // namespace hvo
