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

/// How page_ref_add_unless of a generation keeps away from tails that are, or become, read-only.
enum class WalkerGuard : u8 {
  none,         ///< not at all: up to 6.9, and from 7.1 on
  rcu,          ///< in an RCU section, that no fake head is there, then the count (bd225530a4c7, 6.10)
  rcu_acquire,  ///< the count first, with acquire, then that no fake head is there (6.14)
  rcu_relaxed,  ///< the same with the acquire left out: no kernel's, Safeguard::walker_acquire removed
};

constexpr std::string_view guard_name(WalkerGuard guard) {
  switch (guard) {
    case WalkerGuard::none: return "none";
    case WalkerGuard::rcu: return "RCU, fake-head check before the count";
    case WalkerGuard::rcu_acquire: return "RCU, count with acquire before the check";
    case WalkerGuard::rcu_relaxed: return "RCU, count before the check, unordered";
  }
  return "?";
}

/// atomic_add_unless on the count: true if it added. (2)
template <PageRefAccessor A>
[[gnu::always_inline]] inline OrTrap<bool> count_add_unless(const A& a, Page p, u32 nr, u32 unless) {
  for (u32 seen = a.refcount(p); seen != unless;) {
    const auto old = a.refcount_cmpxchg(p, seen, seen + nr);  // (2)
    if (!old) return std::unexpected(old.error());
    if (*old == seen) return true;
    seen = *old;
  }
  return false;
}

/// True when this generation would dare to store: in its program order. Inside an RCU section. The acquire keeps the
/// check behind the count: a count that is not `unless` was read before a remap, whose grace period then waits for us.
/// It pairs with (1).
template <WalkerGuard kGuard, class Encoding, PageRefAccessor A>
[[gnu::always_inline]] inline bool page_count_writable(const A& a, Page p, u32 unless) {
  if (kGuard == WalkerGuard::rcu_acquire && a.refcount_acquire(p) == unless) return false;
  if (kGuard == WalkerGuard::rcu_relaxed && a.refcount(p) == unless) return false;
  if (Encoding::fixed(a, p) != p) return false;
  return kGuard != WalkerGuard::rcu || a.refcount(p) != unless;
}

/// Adds nr unless the count is `unless`. True if it did. (2)
/// Without a guard nothing keeps it from storing to a tail that has become read-only between its caller's look and its
/// own store; it then traps. Source: page_ref_add_unless(), as of the generation.
template <WalkerGuard kGuard, class Encoding, PageRefAccessor A>
[[gnu::always_inline]] inline OrTrap<bool> page_ref_add_unless(const A& a, Page p, u32 nr, u32 unless) {
  if constexpr (kGuard == WalkerGuard::none) {
    return count_add_unless(a, p, nr, unless);
  } else {
    a.rcu_read_lock();
    OrTrap<bool> added = false;
    if (page_count_writable<kGuard, Encoding>(a, p, unless)) added = count_add_unless(a, p, nr, unless);
    a.rcu_read_unlock();
    return added;
  }
}

/// Takes a reference if there is one already. Source: get_page_unless_zero().
template <WalkerGuard kGuard, class Encoding, PageRefAccessor A>
OrTrap<bool> get_page_unless_zero(const A& a, Page p) {
  return page_ref_add_unless<kGuard, Encoding>(a, p, 1, 0);
}

/// Drops a reference; true when it was the last. Source: put_page_testzero().
template <PageRefAccessor A>
OrTrap<bool> put_page_testzero(const A& a, Page p) {
  const auto old = a.refcount_fetch_add(p, ~u32{0});
  if (!old) return std::unexpected(old.error());
  return *old == 1;
}

}  // namespace hvo
