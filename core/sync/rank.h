// Lock ranks: the lock order of the simulated kernel, checked at run time on every acquisition.
//
// A lock may be taken only while every lock held has a lower rank. There is no rank "none".
#pragma once

#include <string_view>

#include "core/cpu/cpu.h"

namespace hvo {

/// Outermost first. Each class has 16 sub-orders, so that two locks of one class can nest in a stated order.
enum class LockClass : u8 {
  resize,      ///< Hstate::resize_lock, a mutex; sub-order: the larger hstate first
  static_key,  ///< the jump-label mutex of static keys
  mmap,        ///< init_mm's mmap lock, an rwsem
  page_table,  ///< init_mm.page_table_lock
  pcp,         ///< a per-CPU page list; sub-order 0: frames, 1: pages
  zone,        ///< a buddy; sub-order as pcp
  hugetlb,     ///< hugetlb_lock: a leaf, held with interrupts off
};

constexpr std::string_view lock_class_name(LockClass c) {
  switch (c) {
    case LockClass::resize: return "resize_lock";
    case LockClass::static_key: return "static key mutex";
    case LockClass::mmap: return "mmap_lock";
    case LockClass::page_table: return "page_table_lock";
    case LockClass::pcp: return "pcp lock";
    case LockClass::zone: return "zone lock";
    case LockClass::hugetlb: return "hugetlb_lock";
  }
  return "?";
}

/// A place in the lock order: class and sub-order (0 … 15). Never zero, so that zeroed memory is no rank.
struct LockRank {
  u16 v = 0;
  constexpr LockRank() = default;
  constexpr LockRank(LockClass c, unsigned sub_order = 0)
      : v(static_cast<u16>((static_cast<unsigned>(c) + 1) * 16 + sub_order)) {}
  constexpr LockClass lock_class() const { return static_cast<LockClass>(v / 16 - 1); }
};

/// How a lock behaves towards the CPU that takes it.
enum class LockKind : u8 { spinning, sleeping };

HVO_OFF_THE_FAST_PATH void check_acquire_in_full(Cpu& cpu, LockRank rank, LockKind kind) noexcept;
void check_and_note_release(Cpu& cpu, LockRank rank, LockKind kind);

/// Checks the order of a lock that is taken now. Reports lock_order: rank not above all held, or a sleeping lock taken
/// with a spinlock held, interrupts off or inside an RCU section. Called before waiting, so that an inversion is
/// reported even where it would deadlock.
inline void check_acquire(Cpu& cpu, LockRank rank, LockKind kind) {
  const CpuState& s = cpu.state();
  // A spinlock that is the first or the second, in order: nearly all of them, and next to nothing to do. The first rank
  // is 0 when none is held.
  const bool in_order = s.nr_held <= 1 && s.held_rank[0] < rank.v;
  if (!in_order || kind != LockKind::spinning) [[unlikely]]
    check_acquire_in_full(cpu, rank, kind);
}

/// The same, and notes the lock as held.
inline void note_acquire(Cpu& cpu, LockRank rank, LockKind kind) {
  check_acquire(cpu, rank, kind);
  CpuState& s = cpu.state();
  s.held_rank[s.nr_held++] = rank.v;
  if (kind == LockKind::spinning) ++s.nr_spinning;
}

/// Notes the lock as released; locks may be released in any order.
inline void note_release(Cpu& cpu, LockRank rank, LockKind kind) {
  CpuState& s = cpu.state();
  const u32 last = s.nr_held - 1;
  if (s.nr_held == 0 || s.held_rank[last] != rank.v) return check_and_note_release(cpu, rank, kind);
  s.held_rank[last] = 0;
  s.nr_held = last;
  if (kind == LockKind::spinning) --s.nr_spinning;
}

}  // namespace hvo
