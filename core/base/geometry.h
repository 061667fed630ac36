// Geometry is data: page size, struct page, table size and hugepage sizes of a simulated architecture.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "core/base/types.h"
#include "core/base/units.h"

namespace hvo {

/// sizeof(struct page). The same in every geometry that hvolab knows; layouts are static_asserted against it.
inline constexpr u64 kStructPageSize = 64;
inline constexpr unsigned kStructPageShift = 6;

/// A geometry. All sizes are powers of two. Trivially copyable.
struct Geometry {
  std::string_view name;
  std::string_view what;
  u8 page_shift;         ///< log2 of the page size in bytes (PAGE_SHIFT)
  u8 table_shift;        ///< log2 of the entries of one page table (9: 512 PTEs)
  Order huge_order;      ///< order of the default hugepage (9: 2 MiB of 4 KiB pages)
  Order gigantic_order;  ///< order of the gigantic hugepage; 0: there is none

  constexpr Order largest_order() const { return gigantic_order.v != 0 ? gigantic_order : huge_order; }
  constexpr u64 page_size() const { return u64{1} << page_shift; }
  /// struct pages in one vmemmap page (64 on x86-64).
  constexpr u64 structs_per_page() const { return page_size() >> kStructPageShift; }
  constexpr u64 ptrs_per_table() const { return u64{1} << table_shift; }
  /// Bytes of vmemmap mapped by one PMD entry (PMD_SIZE).
  constexpr u64 pmd_size() const { return page_size() << table_shift; }
  /// struct pages mapped by one PMD entry (32768 on x86-64: 64 hugepages of 2 MiB share a PMD).
  constexpr u64 structs_per_pmd() const { return pmd_size() >> kStructPageShift; }
  /// Bytes and pages of vmemmap of one folio of `order`.
  constexpr u64 vmemmap_size(Order order) const { return order.nr_pages() << kStructPageShift; }
  constexpr u64 vmemmap_pages(Order order) const { return vmemmap_size(order) >> page_shift; }
  constexpr u64 folio_bytes(Order order) const { return order.nr_pages() << page_shift; }
  /// A size can be optimised when its struct pages fill more than one vmemmap page (hugetlb_vmemmap_optimizable).
  constexpr bool is_optimizable(Order order) const { return vmemmap_pages(order) > 1; }
};

inline constexpr std::array<Geometry, 2> kGeometries{{
    {"x86-64", "4 KiB pages, 2 MiB and 1 GiB hugepages", 12, 9, {9}, {18}},
    {"tiny",
     "512-byte pages, 8 structs a page, tables of 4, folios of 16 and 64 pages: for exploration",
     9,
     2,
     {4},
     {6}},
}};

/// The geometry of that name, or nullptr.
constexpr const Geometry* find_geometry(std::string_view name) {
  for (const Geometry& g : kGeometries) {
    if (g.name == name) return &g;
  }
  return nullptr;
}

}  // namespace hvo
