// Savings: what HVO wins, by arithmetic; the page tables of a running machine say the same
// (tests/hvo/savings_test.cpp).
#pragma once

#include "core/base/geometry.h"
#include "core/hvo/designs.h"

namespace hvo {

inline constexpr u64 kTib = u64{1} << 40;

/// Frames that an optimised folio of this size gives back.
constexpr u64 frames_saved(const Geometry& geometry, Order order, const Design& design) {
  const u64 pages = geometry.vmemmap_pages(order);
  return pages - design.frames_kept(pages);
}

/// Bytes won by 1 TiB of hugepages of this size. Not counted: a page table for each vmemmap PMD that is split, and the
/// tails' frame of `shared-tail`, one per zone and size.
constexpr u64 saved_per_tib(const Geometry& geometry, Order order, const Design& design) {
  return kTib / geometry.folio_bytes(order) * frames_saved(geometry, order, design) * geometry.page_size();
}

/// Bytes of struct pages of 1 TiB.
constexpr u64 vmemmap_per_tib(const Geometry& geometry) { return kTib / geometry.page_size() * kStructPageSize; }

/// Bytes of page tables that 1 TiB costs for good once each vmemmap PMD is split; none where boot maps base pages.
constexpr u64 page_tables_per_tib(const Geometry& geometry) {
  return geometry.maps_by_blocks() ? vmemmap_per_tib(geometry) / geometry.pmd_size() * geometry.page_size() : 0;
}

}  // namespace hvo
