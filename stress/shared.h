// Shared: what the actors of one round have in common, and what each of its CPUs has for itself.
//
// Synchronises-with pairs: (1) a folio is put into a slot: store release ↔ (2) taken or peeked at: exchange acq_rel,
// load acquire. A CpuShare passes between host threads through the engine's hand-over word.
#pragma once

#include <array>
#include <atomic>
#include <vector>

#include "core/machine/machine.h"
#include "core/pgtable/dump.h"
#include "stress/grading.h"

namespace hvo::stress {

/// A folio that CPUs share; what its word says: scenarios/slots.h.
struct FolioSlot {
  std::atomic<u64> word{0};
};

/// Pages that are taken and nothing else: frozen, no compound.
struct HeldBlock {
  Pfn first;
  Order order;
};

struct HeldFrame {
  FrameNo frame;
  u64 pattern = 0;
};

/// What one CPU alone uses.
struct alignas(64) CpuShare {
  Rng rng{};
  u64 generation = 0;
  Pfn remembered = kNoPfn;  ///< a hugepage that was in use some time ago
  std::vector<Pfn> pages;   ///< heads, a reference each
  std::vector<HeldBlock> hogged;
  std::vector<Pfn> recycled;
  std::vector<HeldFrame> frames;
  std::vector<DumpRow> rows;
  std::vector<std::byte> scratch;
  Outcomes outcomes;
};

struct Shared {
  explicit Shared(u32 nr_cpus) : cpus(nr_cpus) {}
  std::array<FolioSlot, 8> slots;
  std::vector<CpuShare> cpus;
  std::atomic<u64> first_folio{0};  ///< pfn of the newest folio of slot 0: where to look while it comes or goes
  std::atomic<u32> nr_poisoned{0};  ///< memory errors so far
  std::atomic<u32> nr_arrived{0};   ///< CPUs that met before the first operation
};

}  // namespace hvo::stress
