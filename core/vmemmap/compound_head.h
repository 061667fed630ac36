// compound_head() and its kin, per encoding; written once, over an accessor.
//
// An encoding says how a tail names its head. PointerHead: a pointer with bit 0 set. FakeHead: the same, but a struct
// page at the start of a vmemmap page may be an alias of the head's frame, a fake head: it looks like a head and is a
// tail. Its own words can't tell; the next struct page's can, for slot 1 of the head's frame is always a real tail.
// MaskHead: no address at all but a mask, the same for all compounds of an order, so that one page of tails serves all.
#pragma once

#include "core/vmemmap/accessor.h"

namespace hvo {

/// The head by a tagged pointer; a page that is no tail by its own word is left to Encoding::fixed.
template <class Encoding, PageAccessor A>
[[gnu::always_inline]] inline Page head_by_pointer(const A& a, Page p) {
  const u64 head = a.read_once(p, page_field::compound_head);
  if ((head & 1) != 0) return {head - 1};
  return Encoding::fixed(a, p);
}

/// No fake heads: HVO off, and the design that kept two frames.
struct PointerHead {
  /// Conditional branches for each word that a lookup loads: each is tested. For lookup_cost.h only.
  static constexpr unsigned kBranchesPerLoad = 1;
  template <PageAccessor A>
  [[gnu::always_inline]] static Page head(const A& a, Page p) {
    return head_by_pointer<PointerHead>(a, p);
  }
  /// What a page that is no tail by its own word really is: itself.
  template <PageAccessor A>
  [[gnu::always_inline]] static Page fixed(const A& /*a*/, Page p) {
    return p;
  }
};

/// Fake heads may exist while the static key is on.
struct FakeHead {
  static constexpr unsigned kBranchesPerLoad = 1;
  template <PageAccessor A>
  [[gnu::always_inline]] static Page head(const A& a, Page p) {
    return head_by_pointer<FakeHead>(a, p);
  }
  /// The head of `p` if p is a fake head or a real head of an optimised folio, else p. At most two loads; the second,
  /// of the next struct page (the next cache line), for one struct page in 64 only.
  /// Source: page_fixed_fake_head() (e7d324850bfc), with its page-alignment filter.
  template <PageAccessor A>
  [[gnu::always_inline]] static Page fixed(const A& a, Page p) {
    if (!a.key_enabled()) return p;
    if (!a.is_page_aligned(p)) return p;
    const u64 flags = a.read_once(p, page_field::flags);
    if ((flags & PG_head) == 0) return p;
    // p[1] lies in the same vmemmap page as p; every frame that may be mapped there has a real tail in slot 1.
    const u64 head = a.read_once(p + 1, page_field::compound_head);
    return (head & 1) != 0 ? Page{head - 1} : p;
  }
};

/// No fake heads, and no branch. Needs a vmemmap aligned to the struct pages of the largest compound.
/// Source: compound_info (8c846c879e22), branchless since 66b2a3d9ae46.
struct MaskHead {
  static constexpr unsigned kBranchesPerLoad = 0;
  template <PageAccessor A>
  [[gnu::always_inline]] static Page head(const A& a, Page p) {
    const u64 info = a.read_once(p, page_field::compound_head);
    // A tail's info is the mask, and its tag bit meets a zero bit of p; any other word becomes all ones.
    return {p.va & (((info & 1) - 1) | info)};
  }
  template <PageAccessor A>
  [[gnu::always_inline]] static Page fixed(const A& /*a*/, Page p) {
    return p;
  }
};

/// The head of the compound that contains p; p itself if it is in none. Without a reference on the folio the answer may
/// be out of date when it is returned, and, when it raced with a restore, be the tail p itself.
/// Source: compound_head() (include/linux/page-flags.h).
template <class Encoding, PageAccessor A>
[[gnu::always_inline]] inline Page compound_head(const A& a, Page p) {
  return Encoding::head(a, p);
}

/// page_fixed_fake_head(): for a page that is no tail by its own word.
template <class Encoding, PageAccessor A>
Page page_fixed_fake_head(const A& a, Page p) {
  return Encoding::fixed(a, p);
}

/// True for a tail that looks like a head.
template <class Encoding, PageAccessor A>
[[gnu::always_inline]] inline bool page_is_fake_head(const A& a, Page p) {
  return Encoding::fixed(a, p) != p;
}

/// True for a tail of a compound, fake heads included.
template <class Encoding, PageAccessor A>
[[gnu::always_inline]] inline bool PageTail(const A& a, Page p) {
  const u64 head = a.read_once(p, page_field::compound_head);
  return (head & 1) != 0 || page_is_fake_head<Encoding>(a, p);
}

/// True for the head of a compound, and not for a fake head.
template <class Encoding, PageAccessor A>
[[gnu::always_inline]] inline bool PageHead(const A& a, Page p) {
  const u64 flags = a.read_once(p, page_field::flags);
  return (flags & PG_head) != 0 && !page_is_fake_head<Encoding>(a, p);
}

/// True for any page of a compound. Needs no fake-head check: a fake PG_head already says "compound".
template <class Encoding, PageAccessor A>
[[gnu::always_inline]] inline bool PageCompound(const A& a, Page p) {
  const u64 flags = a.read_once(p, page_field::flags);
  if ((flags & PG_head) != 0) return true;
  const u64 head = a.read_once(p, page_field::compound_head);
  return (head & 1) != 0;
}

}  // namespace hvo
