// Access: one step of a CPU on modelled memory, described before it happens.
#pragma once

#include <atomic>
#include <string_view>

#include "core/base/types.h"

namespace hvo {

/// What an access does. The kernel's names, in lower case; contracts as in the kernel's memory model.
enum class Kind : u8 {
  load,         ///< READ_ONCE (relaxed), smp_load_acquire (acquire)
  store,        ///< WRITE_ONCE (relaxed), smp_store_release (release)
  fetch_add,    ///< value-returning atomic add: fully ordered
  fetch_or,     ///< value-returning atomic or: fully ordered
  fetch_and,    ///< value-returning atomic and: fully ordered
  exchange,     ///< xchg: fully ordered
  cmpxchg,      ///< cmpxchg: fully ordered if it succeeds; a store to the page either way, unless the machine is ll_sc
  walker_load,  ///< a load of the hardware page-table walker: acquire; scheduled, but no interrupt is served at it
  plain_load,   ///< an ordinary load of what nobody else can see yet
  plain_store,  ///< an ordinary store to what nobody else can see yet
  load_line,    ///< one struct page (64 bytes) read with eight marked loads into `data`
  fill_frame,   ///< a whole private frame written with ordinary stores from `data`
  nothing,      ///< an instruction that touches no modelled memory: scheduled, never performed
};

enum class MemoryOrder : u8 { plain, relaxed, acquire, release, full };

/// Where the accessed word lives. The engine uses {space, object} as the identity of a location before the access;
/// `perform` is handed the word itself.
enum class Space : u8 {
  physical,  ///< `object` is an arena offset
  vmemmap,   ///< `object` is a virtual address of the vmemmap; translated by the CPU that accesses
  frame,     ///< `object` is a frame number
};

struct Access {
  Kind kind{};
  MemoryOrder order = MemoryOrder::relaxed;
  u8 size = 8;  ///< bytes of the word: 1, 2, 4 or 8; 64 for load_line; 0 for fill_frame (a frame)
  Space space = Space::physical;
  u64 object = 0;
  u64 operand = 0;       ///< value stored, added, or'ed, exchanged
  u64 expected = 0;      ///< cmpxchg only
  void* data = nullptr;  ///< load_line: u64[8] to fill; fill_frame: const bytes to copy

  constexpr bool is_write() const {
    return kind != Kind::load && kind != Kind::walker_load && kind != Kind::plain_load && kind != Kind::load_line &&
           kind != Kind::nothing;
  }
};

/// Why a CPU waits. Printed by the watchdog and by deadlock reports.
enum class WaitFor : u8 {
  nothing,
  spin_lock,
  mutex,
  read_lock,
  write_lock,
  flush_served,
  grace_period,
  sync_core,
  static_key,
  start_gate,
  work
};

constexpr std::string_view wait_name(WaitFor w) {
  switch (w) {
    case WaitFor::nothing: return "-";
    case WaitFor::spin_lock: return "spin lock";
    case WaitFor::mutex: return "mutex";
    case WaitFor::read_lock: return "rwsem for read";
    case WaitFor::write_lock: return "rwsem for write";
    case WaitFor::flush_served: return "TLB flush to be served";
    case WaitFor::grace_period: return "RCU grace period";
    case WaitFor::sync_core: return "core synchronisation";
    case WaitFor::static_key: return "static key transition";
    case WaitFor::start_gate: return "start gate";
    case WaitFor::work: return "work";
  }
  return "?";
}

/// Decisions that an engine may take beside the schedule. 0 is always what a plain run does.
enum class Choice : u8 {
  tlb_evict,    ///< 1: drop the matching TLB entry before this access and walk again
  alloc_fails,  ///< 1: this allocation fails
};

}  // namespace hvo
