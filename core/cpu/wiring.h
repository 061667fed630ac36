// CpuWiring: what a Cpu is connected to, constant while the machine runs.
#pragma once

#include <span>

#include "core/cpu/diagnostics.h"
#include "core/cpu/frame_table.h"
#include "core/cpu/mailbox.h"
#include "core/cpu/state.h"
#include "core/cpu/tlb.h"

namespace hvo {

class Cpu;

/// The page-table walk of the MMU. pgtable/ supplies it: a Cpu knows no page table. `mmu` is its first argument back.
/// It may use walker_load only.
using WalkFn = Translation (*)(void* mmu, Cpu& cpu, u64 va);

/// Where a Cpu finds its parts (wiring; constant while the machine runs).
struct CpuWiring {
  CpuState* state = nullptr;
  std::span<Slot> mailbox;  ///< one per CPU of the machine, indexed by the initiator
  std::span<Slot> tlbi{};   ///< the same for flushes that need no interrupt
  FlushBy flush_by = FlushBy::ipi;
  bool ll_sc = false;  ///< a compare-exchange that fails stores nothing: load-linked/store-conditional
  Tlb tlb;
  const FrameTable* frames = nullptr;
  const std::byte* arena = nullptr;  ///< objects of physical accesses are offsets from here
  Diagnostics* diagnostics = nullptr;
  void* mmu = nullptr;
  WalkFn walk = nullptr;
  u64 host_first = 0;  ///< [host_first, host_end) is translated by the host's own MMU; empty: nothing is
  u64 host_end = 0;
};

}  // namespace hvo
