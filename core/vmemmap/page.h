// struct page: 64 bytes in the vmemmap, named by the address they are mapped at.
//
// A Page is its vmemmap address (base + 64 · pfn) whatever maps it, so that the words in memory (compound_head holds
// such an address) are the same under every MMU.
#pragma once

#include <array>
#include <compare>

#include "core/base/geometry.h"
#include "core/base/nodes.h"
#include "core/base/units.h"

namespace hvo {

/// A struct page, by address. Not a pointer: it is read through an accessor (vmemmap/accessor.h).
struct Page {
  u64 va = 0;
  constexpr Page operator+(u64 n) const { return {va + (n << kStructPageShift)}; }
  friend constexpr auto operator<=>(const Page&, const Page&) = default;
};

/// Byte offsets of the fields of struct page, as on x86-64. Two uses of one word are two names.
namespace page_field {
inline constexpr u64 flags = 0x00;          ///< u64: PG_ bits, node and zone in the top bits
inline constexpr u64 compound_head = 0x08;  ///< u64, tails: head | 1; else lru.next, bit 0 clear
inline constexpr u64 compound_meta = 0x10;  ///< u64, first tail: CompoundMeta (folio.h); else lru.prev
inline constexpr u64 mapping = 0x18;        ///< u64, tails: kTailMapping
inline constexpr u64 index = 0x20;          ///< u64
inline constexpr u64 priv = 0x28;           ///< u64 `private`; head of a hugepage: HPG_ bits; second tail: its cgroup
inline constexpr u64 mapcount = 0x30;       ///< u32 `_mapcount`, -1: not mapped
inline constexpr u64 refcount = 0x34;       ///< u32 `_refcount`
inline constexpr u64 memcg_data = 0x38;     ///< u64
}  // namespace page_field

/// Bits of `flags`.
inline constexpr u64 PG_locked = u64{1} << 0;
inline constexpr u64 PG_referenced = u64{1} << 1;
inline constexpr u64 PG_uptodate = u64{1} << 2;
inline constexpr u64 PG_dirty = u64{1} << 3;
inline constexpr u64 PG_lru = u64{1} << 4;
inline constexpr u64 PG_head = u64{1} << 6;
inline constexpr u64 PG_hwpoison = u64{1} << 21;
inline constexpr unsigned kZoneShift = 61;  ///< ZONES_PGSHIFT: a bit for the zone, above it the node (NODES_PGSHIFT)
inline constexpr unsigned kZonesPerNode = 2;
static_assert(kZonesPerNode * kMaxNodes <= u64{1} << (64 - kZoneShift));
/// Bits that a free page must not have (PAGE_FLAGS_CHECK_AT_FREE, as far as modelled).
inline constexpr u64 kPageFlagsCheckAtFree = PG_locked | PG_referenced | PG_uptodate | PG_dirty | PG_lru | PG_head;

/// The zone that `flags` name, by a number that is unique over all nodes (page_zone_id()), and its two parts.
constexpr u64 page_zone_id(u64 flags) { return flags >> kZoneShift; }
constexpr u64 page_zonenum(u64 flags) { return page_zone_id(flags) % kZonesPerNode; }
constexpr NodeId page_to_nid(u64 flags) { return {static_cast<u32>(page_zone_id(flags) / kZonesPerNode)}; }

/// `mapping` of a tail (TAIL_MAPPING): a poison that free_tail_page_prepare() checks.
inline constexpr u64 kTailMapping = 0xdead000000000400;

/// `private` of the head of a hugepage: its HPG_ bits (enum hugetlb_page_flags).
inline constexpr u64 HPG_temporary = u64{1} << 2;  ///< leaves the pool when it is freed
inline constexpr u64 HPG_freed = u64{1} << 3;      ///< on a free list; changed under hugetlb_lock
inline constexpr u64 HPG_vmemmap_optimized = u64{1} << 4;
inline constexpr u64 HPG_raw_hwp_unreliable = u64{1} << 5;  ///< a memory error was not noted: never to be used again

/// The eight words of a struct page, and the two halves of the seventh.
struct PageImage {
  std::array<u64, 8> w{};

  static constexpr u64 counts(u32 mapcount, u32 refcount) { return u64{mapcount} | (u64{refcount} << 32); }
  /// A page that belongs to nobody yet: boot, or free. `zone`: its page_zone_id().
  static constexpr PageImage free_page(u64 zone) {
    return {{zone << kZoneShift, 0, 0, 0, 0, 0, counts(~u32{0}, 0), 0}};
  }
  /// A tail of a compound, as prep_compound_tail() leaves it.
  static constexpr PageImage tail(u64 zone, u64 compound_head_word) {
    return {{zone << kZoneShift, compound_head_word, 0, kTailMapping, 0, 0, counts(~u32{0}, 0), 0}};
  }
  constexpr u64 at(u64 offset) const { return w[offset / 8]; }
  constexpr u32 refcount() const { return static_cast<u32>(w[6] >> 32); }
  constexpr u32 mapcount() const { return static_cast<u32>(w[6]); }
  friend constexpr bool operator==(const PageImage&, const PageImage&) = default;
};
static_assert(sizeof(PageImage) == kStructPageSize);
static_assert(page_field::refcount == page_field::mapcount + 4, "counts() packs both into one word");

}  // namespace hvo
