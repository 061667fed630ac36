#include "core/machine/host_mmu.h"

#include <utility>

#include "core/base/check.h"
#include "core/cpu/guarded_access.h"

namespace hvo {

namespace {

/// Stacks and arenas of threads that are started later.
constexpr u64 kSpareForThreads = 1024;

}  // namespace

u64 most_mappings(const MachineConfig& config) {
  const MachineSizes sizes = sizes_of(config);
  // A page of memory may become part of a hugepage at any time, and then each of its vmemmap pages, mapped apart from
  // its neighbours, is a mapping of its own.
  const bool by_blocks = config.geometry.maps_by_blocks() && !config.design->optimizes();
  return by_blocks ? sizes.nr_pmds : sizes.vmemmap_bytes / config.geometry.page_size();
}

std::expected<void, std::string> check_host_mmu(const MachineConfig& config) {
  if (config.mmu == Mmu::software) return {};
  if (std::string why = refuse_page_size(config.geometry); !why.empty()) return std::unexpected(std::move(why));
  if (config.ll_sc) {
    return std::unexpected("with the host's MMU a compare-exchange traps as the host's does: ll_sc can't be chosen");
  }
  if (const std::string_view why = why_no_guarded_access(); !why.empty()) {
    return std::unexpected("this build can't use the host's MMU: " + std::string(why));
  }
  std::string why = refuse_mappings(most_mappings(config), mappings_in_use(), max_map_count(), kSpareForThreads);
  if (!why.empty()) return std::unexpected(std::move(why));
  return {};
}

HostMmu::HostMmu(HostMirror mirror, Machine& machine)
    : mirror_(std::move(mirror)), memory_(machine.memory()), read_only_(machine.page_table().nr_vmemmap_pages()) {
  PageTable& table = machine.page_table();
  for (u64 va = table.vmemmap_base(); va < table.vmemmap_end(); va += kPage) {
    state_of(va).store(!table.walk(machine.cpu(0), va).writable, std::memory_order::relaxed);
  }
  table.observe(this);
  install_fault_guard();
  for (Cpu* cpu : machine.cpus()) cpu->use_host_mmu(table.vmemmap_base(), table.vmemmap_end());
}

void HostMmu::remapped(Cpu& /*cpu*/, u64 va, Pte pte) {
  std::atomic<bool>& read_only = state_of(va);
  read_only.store(false, std::memory_order::relaxed);
  const auto mapped = mirror_.map_page(memory_, va, pte);
  if (!mapped) check_failed("the host maps a page of the vmemmap", mapped.error());
  read_only.store(pte.is_present() && !pte.is_writable(), std::memory_order::relaxed);
}

std::expected<std::unique_ptr<Machine>, std::string> Machine::build_on_host(MachineConfig config,
                                                                            const BootWatch& watch) {
  if (auto possible = check_host_mmu(config); !possible) return std::unexpected(std::move(possible.error()));
  auto mirror = HostMirror::reserve(config);
  if (!mirror) return std::unexpected(std::move(mirror.error()));
  config.vmemmap_base = mirror->vmemmap_base();
  auto machine = build(config, watch);
  if (!machine) return machine;
  if (auto mapped = mirror->map(**machine); !mapped) return std::unexpected(std::move(mapped.error()));
  (*machine)->host_mmu_ = std::make_unique<HostMmu>(std::move(*mirror), **machine);
  for (Diagnostics& d : (*machine)->diagnostics_) d.clear();
  return machine;
}

}  // namespace hvo
