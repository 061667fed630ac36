// HostMmu: the vmemmap of a machine that runs, translated by this process's own MMU. See HOST_MMU.md.
#pragma once

#include <atomic>
#include <vector>

#include "core/machine/host_mirror.h"
#include "core/pgtable/mapping_observer.h"

namespace hvo {

/// Follows the machine's page tables: each PTE that is stored is an mmap. Made by Machine::create for Mmu::host.
/// Thread-safety: as PageTable::set_pte.
class HostMmu final : public MappingObserver {
 public:
  /// `mirror` maps the machine as it is now.
  HostMmu(HostMirror mirror, Machine& machine);

  void remapped(Cpu& cpu, u64 va, Pte pte) override;
  /// True when the page of `va` is mapped read-only for certain: while it is changed, it is not. A detector: it orders
  /// nothing. Any thread.
  bool is_read_only(u64 va) const { return state_of(va).load(std::memory_order::relaxed); }

 private:
  const std::atomic<bool>& state_of(u64 va) const { return read_only_[(va - mirror_.vmemmap_base()) / kPage]; }
  std::atomic<bool>& state_of(u64 va) { return read_only_[(va - mirror_.vmemmap_base()) / kPage]; }

  static constexpr u64 kPage = 4096;
  HostMirror mirror_;
  const PhysicalMemory& memory_;
  std::vector<std::atomic<bool>> read_only_;  ///< per page of vmemmap
};

/// Most memory mappings that a machine of this configuration may come to need.
u64 most_mappings(const MachineConfig& config);

/// Can this host run such a machine, whatever it will do? Asks about the page size, the processor, sanitizers, and
/// vm.max_map_count. Error: one line for the user. Without one for Mmu::software.
std::expected<void, std::string> check_host_mmu(const MachineConfig& config);

}  // namespace hvo
