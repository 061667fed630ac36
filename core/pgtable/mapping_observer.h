// MappingObserver: who is told when the page tables of the vmemmap map a page otherwise.
#pragma once

#include "core/cpu/cpu.h"
#include "core/pgtable/entry.h"

namespace hvo {

class MappingObserver {
 public:
  virtual ~MappingObserver() = default;
  /// The page at `va` is mapped by `pte` from now on. Called by the CPU that stored the entry, after the store and so
  /// before any flush; not for a PMD split, which changes no page's frame. Not a step. Concurrently for different
  /// pages.
  virtual void remapped(Cpu& cpu, u64 va, Pte pte) = 0;
};

}  // namespace hvo
