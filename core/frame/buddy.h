// Buddy: which units are free, and the best place for a block of any order.
//
// Plain bookkeeping in the arena; the caller holds the zone lock. Units lie in areas of 512. An area is a bitmap
// (area_bits.h) and stands in the list of its largest free order; that order is exact, so an allocation of order 0 … 9
// fails only when no aligned free block exists. Rejected: a list node per block, which is a cache miss for each merge.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "core/base/arena.h"
#include "core/frame/area_bits.h"

namespace hvo {

/// A buddy over the units [first, first + nr_units) (Unit: FrameNo or Pfn). 73 bytes for 512 units. A view: copies
/// share the data. Not thread-safe: every call needs the zone lock of its owner. Source: __rmqueue, __free_one_page,
/// alloc_contig_range.
template <class Unit>
class Buddy {
 public:
  static constexpr unsigned kMaxOrder = kAreaOrder;

  /// A buddy in which nothing is free yet: follow with free_range. Any nr_units > 0. Blocks are aligned relative to
  /// `first`, which is therefore a multiple of the largest block that anyone asks for.
  Buddy(Arena& arena, u64 nr_units, Unit first = {})
      : areas_(arena.make_span<AreaBits>((nr_units + kAreaUnits - 1) / kAreaUnits)),
        largest_(arena.make_span<u8>(areas_.size())),
        links_(arena.make_span<Link>(areas_.size())),
        s_(&arena.make<State>()),
        nr_units_(nr_units),
        first_(first) {
    s_->head.fill(kNone);
    std::fill(largest_.begin(), largest_.end(), kEmpty);
  }

  u64 nr_units() const { return nr_units_; }
  u64 nr_free() const { return s_->nr_free; }
  Unit first_unit() const { return first_; }
  bool is_free(Unit u) const { return areas_[at(u) / kAreaUnits].any(inside(at(u)), 1); }

  /// Calls fn(first, n) for each longest run of free units within an area: the 512 units from 512 · area on.
  template <class Fn>
  void for_each_free_run(u64 area, Fn fn) const {
    areas_[area].for_each_run([&](unsigned first, u64 n) { fn(unit(area * kAreaUnits + first), n); });
  }

  /// A block of `order`; above 9 see alloc_contig. Empty iff there is no aligned free block of that order.
  std::optional<Unit> alloc(Order order) {
    if (order.v > kMaxOrder) return alloc_contig(order);
    for (unsigned list = order.v; list <= kMaxOrder; ++list) {
      const u32 a = s_->head[list];
      if (a == kNone) continue;
      const unsigned start = areas_[a].find(order.v);
      take(a, start, order.nr_pages());
      return unit(a * kAreaUnits + start);
    }
    return std::nullopt;
  }

  /// Fills `out` with single units, runs of neighbours where possible, from the most fragmented areas first. False, and
  /// nothing is taken, when fewer are free.
  bool take_batch(std::span<Unit> out) {
    if (s_->nr_free < out.size()) return false;
    auto to = out.begin();
    const Unit first = first_;  // out of the members: the stores below might be to them, as far as the compiler knows
    s_->nr_free -= out.size();
    while (to != out.end()) {
      const u32 a = *std::find_if(s_->head.begin(), s_->head.end(), [](u32 h) { return h != kNone; });
      for (unsigned i = 0; i < AreaBits::kWords && to != out.end(); ++i) {
        u64 w = areas_[a].words[i];
        for (; w != 0 && to != out.end(); w &= w - 1) {
          *to++ = first + (a * kAreaUnits + i * 64 + static_cast<u64>(std::countr_zero(w)));
        }
        areas_[a].words[i] = w;
      }
      relink(a);
    }
    return true;
  }

  /// An aligned block of any order above 9: the first run of wholly free areas. Linear in the areas.
  std::optional<Unit> alloc_contig(Order order) {
    const u64 step = order.nr_pages();
    for (u64 first = 0; first + step <= nr_units_; first += step) {
      if (alloc_range(unit(first), unit(first + step))) return unit(first);
    }
    return std::nullopt;
  }

  /// Takes [first, end) if all of it is free, else nothing (false).
  bool alloc_range(Unit first, Unit end) {
    bool ok = is_range(first, end);
    if (!ok) return false;
    each_area(first, end, [&](u32 a, unsigned start, u64 n) { ok = ok && areas_[a].all(start, n); });
    if (ok) each_area(first, end, [&](u32 a, unsigned start, u64 n) { take(a, start, n); });
    return ok;
  }

  /// Gives a block back. False, and nothing changes, when any of it is free already, misaligned or out of bounds.
  [[nodiscard]] bool free(Unit u, Order order) {
    return is_aligned(at(u), order.nr_pages()) && free_range(u, u + order.nr_pages());
  }

  /// Gives [first, end) back, as free.
  [[nodiscard]] bool free_range(Unit first, Unit end) {
    bool ok = is_range(first, end);
    if (!ok) return false;
    each_area(first, end, [&](u32 a, unsigned start, u64 n) { ok = ok && !areas_[a].any(start, n); });
    if (ok) each_area(first, end, [&](u32 a, unsigned start, u64 n) { give(a, start, n); });
    return ok;
  }

  /// Gives single units back; cheapest when neighbours stand side by side. Returns how many it took: the others were
  /// free already or out of bounds.
  [[nodiscard]] u64 free_batch(std::span<const Unit> units) {
    u64 taken = 0;
    const Unit first = first_;  // out of the members, as in take_batch
    const u64 nr_units = nr_units_;
    for (std::size_t i = 0; i < units.size();) {
      const u64 at = units[i] - first;
      if (at >= nr_units) {
        ++i;
        continue;
      }
      const u64 a = at / kAreaUnits;
      while (i < units.size() && (units[i] - first) / kAreaUnits == a) {
        const u64 word = (units[i] - first) / 64;
        u64 given = 0;  // gathered, so that neighbours don't wait for each other's store
        const std::size_t before = i;
        for (; i < units.size(); ++i) {
          const u64 n = units[i] - first;
          if (n / 64 != word || n >= nr_units) break;
          given |= u64{1} << (n % 64);
        }
        if (i == before) break;
        u64& w = areas_[a].words[word % AreaBits::kWords];
        taken += static_cast<u64>(std::popcount(given & ~w));
        w |= given;
      }
      relink(static_cast<u32>(a));
    }
    s_->nr_free += taken;
    return taken;
  }

  /// Recounts everything from the bitmaps: counts, largest orders, list membership both ways, no unit past the end.
  bool validate() const {
    u64 nr_free = 0;
    u64 nr_listed = 0;
    for (u32 a = 0; a < areas_.size(); ++a) {
      nr_free += areas_[a].count();
      if (as_list(areas_[a].largest_order()) != largest_[a]) return false;
      nr_listed += largest_[a] != kEmpty;
    }
    const u64 spare = areas_.size() * kAreaUnits - nr_units_;
    if (spare != 0 && areas_.back().any(static_cast<unsigned>(kAreaUnits - spare), spare)) return false;
    for (unsigned list = 0; list <= kMaxOrder; ++list) {
      u32 previous = kNone;
      for (u32 a = s_->head[list]; a != kNone; previous = a, a = links_[a].next) {
        if (a >= areas_.size() || largest_[a] != list || links_[a].previous != previous) return false;
        if (nr_listed-- == 0) return false;  // a cycle
      }
    }
    return nr_listed == 0 && nr_free == s_->nr_free;
  }

 private:
  static constexpr u32 kNone = ~u32{0};
  static constexpr u8 kEmpty = 255;
  struct Link {
    u32 next;
    u32 previous;
  };
  struct State {
    std::array<u32, kMaxOrder + 1> head{};  ///< per largest free order: first area, or kNone
    u64 nr_free = 0;
  };

  Unit unit(u64 at) const { return first_ + at; }
  /// Its place; past nr_units_ for a unit of another buddy.
  u64 at(Unit u) const { return u - first_; }
  bool is_range(Unit first, Unit end) const { return at(first) < at(end) && at(end) <= nr_units_; }
  static constexpr unsigned inside(u64 v) { return static_cast<unsigned>(v % kAreaUnits); }
  static constexpr u8 as_list(int order) { return order == AreaBits::kNoOrder ? kEmpty : static_cast<u8>(order); }

  template <class Fn>
  void each_area(Unit first, Unit end, Fn fn) const {
    for (u64 next = at(first), stop = at(end); next < stop;) {
      const u64 n = std::min<u64>(stop - next, kAreaUnits - next % kAreaUnits);
      fn(static_cast<u32>(next / kAreaUnits), inside(next), n);
      next += n;
    }
  }
  void take(u32 a, unsigned start, u64 n) {
    areas_[a].clear(start, n);
    s_->nr_free -= n;
    relink(a);
  }
  void give(u32 a, unsigned start, u64 n) {
    areas_[a].set(start, n);
    s_->nr_free += n;
    relink(a);
  }
  /// Puts the area into the list of its largest free order.
  void relink(u32 a) {
    const u8 list = as_list(areas_[a].largest_order());
    if (list == largest_[a]) return;
    Link& link = links_[a];
    if (largest_[a] != kEmpty) {
      (link.previous == kNone ? s_->head[largest_[a]] : links_[link.previous].next) = link.next;
      if (link.next != kNone) links_[link.next].previous = link.previous;
    }
    largest_[a] = list;
    link = {kNone, kNone};
    if (list == kEmpty) return;
    link.next = s_->head[list];
    if (link.next != kNone) links_[link.next].previous = a;
    s_->head[list] = a;
  }

  std::span<AreaBits> areas_;
  std::span<u8> largest_;  ///< per area: largest free order, kEmpty when nothing is free
  std::span<Link> links_;
  State* s_;
  u64 nr_units_;
  Unit first_;
};

}  // namespace hvo
