// Folio: a head page or a single page, seen as a whole; what can be asked of it, over any accessor.
#pragma once

#include "core/vmemmap/compound_head.h"

namespace hvo {

/// A view of the page that stands for a whole: never a tail. Source: struct folio.
struct Folio {
  Page head;
  friend constexpr auto operator<=>(const Folio&, const Folio&) = default;
};

/// The word `compound_meta` of a compound's first tail: its order, and who frees it.
/// Source: compound_order and compound_dtor of 6.1, which stand in the first tail too.
struct CompoundMeta {
  u64 v = 0;
  static constexpr u64 kHugetlb = u64{1} << 8;  ///< HUGETLB_PAGE_DTOR; PG_hugetlb of newer kernels
  static constexpr CompoundMeta make(Order order, bool hugetlb) { return {order.v | (hugetlb ? kHugetlb : 0)}; }
  constexpr Order order() const { return {static_cast<u8>(v & 0xff)}; }
  constexpr bool is_hugetlb() const { return (v & kHugetlb) != 0; }
};

/// The folio that contains p: as good as the answer of compound_head(). Source: page_folio().
template <class Encoding, PageAccessor A>
Folio page_folio(const A& a, Page p) {
  return {compound_head<Encoding>(a, p)};
}

/// More than one page. Source: folio_test_large().
template <PageAccessor A>
bool folio_test_large(const A& a, Folio folio) {
  return (a.read_once(folio.head, page_field::flags) & PG_head) != 0;
}

/// What the first tail says; order 0 for a single page. With a reference on the folio, or frozen by the caller.
template <PageAccessor A>
CompoundMeta folio_meta(const A& a, Folio folio) {
  if (!folio_test_large(a, folio)) return {};
  return {a.read_once(folio.head + 1, page_field::compound_meta)};
}

/// Source: folio_order().
template <PageAccessor A>
Order folio_order(const A& a, Folio folio) {
  return folio_meta(a, folio).order();
}

/// Source: folio_nr_pages().
template <PageAccessor A>
u64 folio_nr_pages(const A& a, Folio folio) {
  return folio_order(a, folio).nr_pages();
}

/// Belongs to a hugepage pool, free or in use. Source: folio_test_hugetlb().
template <PageAccessor A>
bool folio_test_hugetlb(const A& a, Folio folio) {
  return folio_meta(a, folio).is_hugetlb();
}

/// The n-th page of the folio. Source: folio_page().
constexpr Page folio_page(Folio folio, u64 n) { return folio.head + n; }

/// Page p is part of a hugepage of a pool. Source: PageHuge().
template <class Encoding, PageAccessor A>
bool PageHuge(const A& a, Page p) {
  if (!PageCompound<Encoding>(a, p)) return false;
  return folio_test_hugetlb(a, page_folio<Encoding>(a, p));
}

}  // namespace hvo
