// MachineConfig: all that makes a machine what it is.
#pragma once

#include "core/base/geometry.h"
#include "core/base/safeguards.h"
#include "core/frame/failing_allocator.h"
#include "core/frame/physical_memory.h"
#include "core/hugetlb/hugetlb.h"

namespace hvo {

/// A pool to be filled at boot.
struct PoolConfig {
  Order order;
  u64 nr_huge_pages = 0;
  u64 nr_overcommit_huge_pages = 0;
  /// hugepages= of the kernel's command line: taken before there is a page allocator. Only of a size whose struct pages
  /// fill whole PMDs. Where the design can (Design::populates_boot_pool) they are mapped optimised from the start.
  bool at_boot = false;
};

/// What translates the addresses of the vmemmap for the CPUs.
enum class Mmu : u8 {
  software,  ///< a model of one: TLBs, walks of the page tables
  host,      ///< this process's own: each PTE change is an mmap (HOST_MMU.md)
};

struct MachineConfig {
  Geometry geometry = kGeometries[0];
  const Design* design = find_design("fake-head");
  u64 memory_pages = u64{256} << 8;  ///< modelled memory; rounded up to Geometry::memory_granule()
  /// The last so many pages of memory were added while the machine ran, with memmap_on_memory: their struct pages lie
  /// in themselves. Rounded up to Geometry::memory_granule(); less than all.
  u64 self_hosted_pages = 0;
  u32 nr_cpus = 2;   ///< 1 … kMaxCpus
  u32 nr_nodes = 1;  ///< 1 … kMaxNodes, of one size; CPU i is of node i modulo nr_nodes. See pages_for_nodes
  FlushBy flush_by = FlushBy::ipi;
  Mmu mmu = Mmu::software;
  bool ll_sc = false;  ///< a failed compare-exchange stores nothing, so it does not trap on a read-only page
  bool break_before_make =
      false;              ///< report when a valid vmemmap translation is replaced by another one (arm64's rule)
  bool poison = true;     ///< freed frames are filled with a pattern, so that a missing order is visible
  bool recording = true;  ///< the flight recorders run
  Backing backing = Backing::file;  ///< of the frames; only a file's can be mirrored (HostMirror)
  Safeguards safeguards;
  FailurePlan failures;                                  ///< armed after boot
  std::array<PoolConfig, Hugetlb::kMaxHstates> pools{};  ///< order 0: no pool
  u64 vmemmap_base = 0xffffea0000000000;                 ///< x86-64's VMEMMAP_START; with Mmu::host not used
};

/// The least memory, at least `pages`, that splits into so many nodes: no node cuts a vmemmap PMD, or a hugepage of a
/// size that fits into a node.
u64 pages_for_nodes(const Geometry& geometry, u64 pages, u32 nr_nodes);

/// What a machine of this configuration needs and holds.
struct MachineSizes {
  u64 nr_pages = 0;     ///< struct pages
  u64 nr_pmds = 0;      ///< vmemmap PMDs
  u64 nr_frames = 0;    ///< frames with bytes
  u64 arena_bytes = 0;  ///< address space reserved for everything else; touched as used
  u64 vmemmap_bytes = 0;
};
MachineSizes sizes_of(const MachineConfig& config);
/// MachineConfig::self_hosted_pages, rounded up.
u64 self_hosted_pages(const MachineConfig& config);

}  // namespace hvo
