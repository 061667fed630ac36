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

/// Hugepage sizes a geometry may have: the pools of a machine.
inline constexpr unsigned kMaxHugeSizes = 4;

/// The hugepage sizes of a geometry, larger first.
class HugeSizes {
 public:
  constexpr void insert(Order order) {
    if (order.v == 0) return;
    unsigned at = nr_++;
    for (; at != 0 && orders_[at - 1] < order; --at) orders_[at] = orders_[at - 1];
    orders_[at] = order;
  }
  constexpr const Order* begin() const { return orders_.data(); }
  constexpr const Order* end() const { return orders_.data() + nr_; }
  constexpr unsigned size() const { return nr_; }
  constexpr Order largest() const { return orders_[0]; }
  constexpr Order smallest() const { return orders_[nr_ - 1]; }
  constexpr bool contains(Order order) const {
    for (const Order o : *this) {
      if (o == order) return true;
    }
    return false;
  }

 private:
  std::array<Order, kMaxHugeSizes> orders_{};
  unsigned nr_ = 0;
};

/// How boot maps the vmemmap.
enum class VmemmapMap : u8 {
  blocks,      ///< by PMD leaves, which HVO has to split (vmemmap_populate_hugepages)
  base_pages,  ///< by PTEs from the start: nothing to split, and no whole PMD needed (vmemmap_populate_basepages)
};

/// A geometry. All sizes are powers of two. Trivially copyable.
struct Geometry {
  std::string_view name;
  std::string_view what;
  u8 page_shift;         ///< log2 of the page size in bytes (PAGE_SHIFT)
  u8 table_shift;        ///< log2 of the entries of one page table (9: 512 PTEs)
  Order huge_order;      ///< order of the default hugepage, that of a PMD (HPAGE_SIZE; 9: 2 MiB of 4 KiB pages)
  Order gigantic_order;  ///< order of the gigantic hugepage; 0: there is none
  std::array<Order, kMaxHugeSizes - 2> other_orders{};  ///< further sizes, in any order; 0: none
  VmemmapMap vmemmap_map = VmemmapMap::blocks;

  constexpr HugeSizes huge_sizes() const {
    HugeSizes sizes;
    sizes.insert(huge_order);
    sizes.insert(gigantic_order);
    for (const Order order : other_orders) sizes.insert(order);
    return sizes;
  }
  constexpr Order largest_order() const { return huge_sizes().largest(); }
  constexpr Order smallest_order() const { return huge_sizes().smallest(); }
  constexpr u64 page_size() const { return u64{1} << page_shift; }
  /// struct pages in one vmemmap page (64 on x86-64).
  constexpr u64 structs_per_page() const { return page_size() >> kStructPageShift; }
  constexpr u64 ptrs_per_table() const { return u64{1} << table_shift; }
  /// Bytes of vmemmap mapped by one PMD entry (PMD_SIZE).
  constexpr u64 pmd_size() const { return page_size() << table_shift; }
  /// struct pages mapped by one PMD entry (32768 on x86-64: 64 hugepages of 2 MiB share a PMD).
  constexpr u64 structs_per_pmd() const { return pmd_size() >> kStructPageShift; }
  constexpr bool maps_by_blocks() const { return vmemmap_map == VmemmapMap::blocks; }
  /// A machine's memory is a multiple of so many pages: all that one PMD of vmemmap describes or, where no whole PMD is
  /// needed, a default hugepage, whose struct pages fill whole pages.
  constexpr u64 memory_granule() const { return maps_by_blocks() ? structs_per_pmd() : huge_order.nr_pages(); }
  /// Bytes and pages of vmemmap of one folio of `order`. Less than a page: none, it shares one with its neighbours.
  constexpr u64 vmemmap_size(Order order) const { return order.nr_pages() << kStructPageShift; }
  constexpr u64 vmemmap_pages(Order order) const { return vmemmap_size(order) >> page_shift; }
  constexpr u64 folio_bytes(Order order) const { return order.nr_pages() << page_shift; }
  /// A size can be optimised when its struct pages fill more than one vmemmap page (hugetlb_vmemmap_optimizable).
  constexpr bool is_optimizable(Order order) const { return vmemmap_pages(order) > 1; }
};

/// Those of arm64: Documentation/arch/arm64/hugetlbpage.rst; only with 4 KiB pages its vmemmap is mapped by blocks.
inline constexpr std::array kGeometries{
    Geometry{"x86-64", "4 KiB pages, 2 MiB and 1 GiB hugepages", 12, 9, {9}, {18}},
    Geometry{"tiny",
             "512-byte pages, 8 structs a page, tables of 4, folios of 16 and 64 pages: for exploration",
             9,
             2,
             {4},
             {6}},
    Geometry{"arm64-4k", "4 KiB pages; 64 KiB, 2 MiB, 32 MiB and 1 GiB", 12, 9, {9}, {18}, {{{13}, {4}}}},
    Geometry{"arm64-16k",
             "16 KiB pages; 2 MiB, 32 MiB and 1 GiB; vmemmap of base pages",
             14,
             11,
             {11},
             {16},
             {{{7}}},
             VmemmapMap::base_pages},
    Geometry{"arm64-64k",
             "64 KiB pages; 2 MiB, 512 MiB and 16 GiB; vmemmap of base pages",
             16,
             13,
             {13},
             {18},
             {{{5}}},
             VmemmapMap::base_pages},
    Geometry{
        "tiny-chain", "as tiny, folios of 4, 16, 32 and 64 pages: chains of demotion", 9, 2, {4}, {6}, {{{5}, {2}}}},
    Geometry{
        "tiny-pages", "as tiny, vmemmap of base pages: nothing to split", 9, 2, {4}, {6}, {}, VmemmapMap::base_pages},
};

/// The geometry of that name, or nullptr.
constexpr const Geometry* find_geometry(std::string_view name) {
  for (const Geometry& g : kGeometries) {
    if (g.name == name) return &g;
  }
  return nullptr;
}

}  // namespace hvo
