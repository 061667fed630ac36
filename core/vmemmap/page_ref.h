// page_ref: the reference count of a page, and the ways to take it from nothing.
//
// Synchronises-with pair: (1) page_ref_unfreeze: store release ↔ (2) page_ref_add_unless: successful cmpxchg.
//   Whoever takes a reference on an unfrozen page sees what was prepared while it was frozen.
#pragma once

#include "core/vmemmap/compound_head.h"

namespace hvo {

/// Takes the count from `count` to 0, if it is `count`: afterwards nobody else can take a reference.
/// True if it did. Source: page_ref_freeze().
template <PageRefAccessor A>
OrTrap<bool> page_ref_freeze(const A& a, Page p, u32 count) {
  const auto old = a.refcount_cmpxchg(p, count, 0);
  if (!old) return std::unexpected(old.error());
  return *old == count;
}

/// Gives a frozen page its count back. (1) Source: page_ref_unfreeze().
template <PageRefAccessor A>
OrTrap<void> page_ref_unfreeze(const A& a, Page p, u32 count) {
  return a.refcount_store_release(p, count);
}

/// Adds nr unless the count is `unless`. True if it did. (2)
/// This is the plain form of every kernel up to 6.9: nothing keeps it from storing to a tail that has become read-only
/// between its caller's look and its own store; it then traps (bd225530a4c7). Source: page_ref_add_unless().
template <PageRefAccessor A>
OrTrap<bool> page_ref_add_unless(const A& a, Page p, u32 nr, u32 unless) {
  for (u32 seen = a.refcount(p); seen != unless;) {
    const auto old = a.refcount_cmpxchg(p, seen, seen + nr);  // (2)
    if (!old) return std::unexpected(old.error());
    if (*old == seen) return true;
    seen = *old;
  }
  return false;
}

/// Takes a reference if there is one already. Source: get_page_unless_zero().
template <PageRefAccessor A>
OrTrap<bool> get_page_unless_zero(const A& a, Page p) {
  return page_ref_add_unless(a, p, 1, 0);
}

/// Drops a reference; true when it was the last. Source: put_page_testzero().
template <PageRefAccessor A>
OrTrap<bool> put_page_testzero(const A& a, Page p) {
  const auto old = a.refcount_fetch_add(p, ~u32{0});
  if (!old) return std::unexpected(old.error());
  return *old == 1;
}

}  // namespace hvo
