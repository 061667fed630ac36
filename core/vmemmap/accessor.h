// Accessors: how struct pages are read. Lookups are written once, over an accessor.
#pragma once

#include <atomic>
#include <concepts>

#include "core/cpu/cpu.h"
#include "core/sync/rcu.h"
#include "core/sync/static_key.h"
#include "core/vmemmap/page.h"

namespace hvo {

/// What a lookup needs: marked loads, the static key, and what an aligned struct page is.
template <class A>
concept PageAccessor = requires(const A a, Page p) {
  { a.read_once(p, page_field::flags) } -> std::same_as<u64>;
  { a.key_enabled() } -> std::same_as<bool>;
  { a.is_page_aligned(p) } -> std::same_as<bool>;
};

/// What page_ref needs beside.
template <class A>
concept PageRefAccessor = PageAccessor<A> && requires(const A a, Page p) {
  { a.refcount(p) } -> std::same_as<u32>;
  { a.refcount_acquire(p) } -> std::same_as<u32>;
  a.rcu_read_lock();
  a.rcu_read_unlock();
  { a.refcount_cmpxchg(p, u32{}, u32{}) } -> std::same_as<OrTrap<u32>>;
  { a.refcount_fetch_add(p, u32{}) } -> std::same_as<OrTrap<u32>>;
  { a.refcount_store_release(p, u32{}) } -> std::same_as<OrTrap<void>>;
};

/// Struct pages through a simulated CPU and its MMU: each call is one step.
struct CpuPages {
  Cpu& cpu;
  StaticKey& key;
  u64 page_mask;  ///< page size - 1

  u64 read_once(Page p, u64 field) const { return cpu.read_once_in<u64>(p.va, field); }
  bool key_enabled() const { return key.is_enabled(cpu); }
  bool is_page_aligned(Page p) const { return (p.va & page_mask) == 0; }
  u32 refcount(Page p) const { return cpu.read_once_at<u32>(p.va + page_field::refcount); }
  u32 refcount_acquire(Page p) const { return cpu.load_acquire_at<u32>(p.va + page_field::refcount); }
  void rcu_read_lock() const { hvo::rcu_read_lock(cpu); }
  void rcu_read_unlock() const { hvo::rcu_read_unlock(cpu); }
  OrTrap<u32> refcount_cmpxchg(Page p, u32 expected, u32 v) const {
    return cpu.cmpxchg_at<u32>(p.va + page_field::refcount, expected, v);
  }
  OrTrap<u32> refcount_fetch_add(Page p, u32 delta) const {
    return cpu.fetch_add_at<u32>(p.va + page_field::refcount, delta);
  }
  OrTrap<void> refcount_store_release(Page p, u32 v) const {
    return cpu.store_release_at<u32>(p.va + page_field::refcount, v);
  }
};

/// Struct pages through plain pointers: the address is a host address. `Key` is a constant, a flag or patched code.
/// An RCU section is what it is in a kernel without preemption: the compiler may not move accesses across its ends.
template <bool (*Key)(), u64 kPageMask = 4095>
struct HostPages {
  template <class T>
  [[gnu::always_inline]] static std::atomic_ref<T> at(Page p, u64 field) {
    return ref(*reinterpret_cast<Word<T>*>(p.va + field));
  }
  [[gnu::always_inline]] u64 read_once(Page p, u64 field) const {
    return at<u64>(p, field).load(std::memory_order::relaxed);
  }
  [[gnu::always_inline]] bool key_enabled() const { return Key(); }
  [[gnu::always_inline]] bool is_page_aligned(Page p) const { return (p.va & kPageMask) == 0; }
  u32 refcount(Page p) const { return at<u32>(p, page_field::refcount).load(std::memory_order::relaxed); }
  u32 refcount_acquire(Page p) const { return at<u32>(p, page_field::refcount).load(std::memory_order::acquire); }
  void rcu_read_lock() const { asm volatile("" ::: "memory"); }
  void rcu_read_unlock() const { asm volatile("" ::: "memory"); }
  OrTrap<u32> refcount_cmpxchg(Page p, u32 expected, u32 v) const {
    at<u32>(p, page_field::refcount).compare_exchange_strong(expected, v, std::memory_order::acq_rel);
    return expected;
  }
  OrTrap<u32> refcount_fetch_add(Page p, u32 delta) const {
    return at<u32>(p, page_field::refcount).fetch_add(delta, std::memory_order::acq_rel);
  }
  OrTrap<void> refcount_store_release(Page p, u32 v) const {
    at<u32>(p, page_field::refcount).store(v, std::memory_order::release);
    return {};
  }
};

static_assert(PageRefAccessor<CpuPages>);

}  // namespace hvo
