// Units are types: what is counted can't be mixed up, and only the arithmetic that makes sense compiles.
//
// hvolab has two number spaces that the kernel has in one (core/README.md, "Two number spaces"):
//   Pfn      a page frame of the modelled memory: it has a struct page, but no bytes;
//   FrameNo  a page frame that has bytes: it backs the vmemmap or a page table.
#pragma once

#include <compare>
#include <type_traits>

#include "core/base/types.h"

namespace hvo {

/// A number on a scale: two of them can be compared and subtracted (giving a count), and a count can be added.
template <class Tag, class Rep>
struct Index {
  using rep = Rep;
  Rep v{};

  friend constexpr auto operator<=>(const Index&, const Index&) = default;
  constexpr Index operator+(u64 n) const { return {static_cast<Rep>(v + n)}; }
  constexpr Index operator-(u64 n) const { return {static_cast<Rep>(v - n)}; }
  constexpr u64 operator-(Index other) const { return static_cast<u64>(v) - static_cast<u64>(other.v); }
  constexpr Index& operator++() {
    ++v;
    return *this;
  }
};

/// Page frame number of modelled memory: indexes the struct pages. No bytes behind it.
using Pfn = Index<struct PfnTag, u64>;

/// Number of a frame with bytes (vmemmap, page tables): indexes PhysicalMemory.
using FrameNo = Index<struct FrameTag, u32>;

inline constexpr FrameNo kNoFrame{~u32{0}};
inline constexpr Pfn kNoPfn{~u64{0}};

/// log2 of a number of pages, as the kernel's `order`.
struct Order {
  u8 v = 0;
  friend constexpr auto operator<=>(const Order&, const Order&) = default;
  constexpr u64 nr_pages() const { return u64{1} << v; }
};

constexpr u64 align_down(u64 value, u64 alignment) { return value & ~(alignment - 1); }
constexpr u64 align_up(u64 value, u64 alignment) { return align_down(value + alignment - 1, alignment); }
constexpr bool is_aligned(u64 value, u64 alignment) { return (value & (alignment - 1)) == 0; }

constexpr Pfn align_down(Pfn pfn, Order order) { return {align_down(pfn.v, order.nr_pages())}; }
constexpr bool is_aligned(Pfn pfn, Order order) { return is_aligned(pfn.v, order.nr_pages()); }

static_assert(std::is_trivially_copyable_v<Pfn> && sizeof(FrameNo) == 4);

}  // namespace hvo
