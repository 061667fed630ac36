// HostMirror: the vmemmap of a machine, mapped into this process by the host's MMU as the machine's page tables say.
//
// What it guarantees
//   * A Page is its vmemmap address, and after map() also a host address: HostPages (vmemmap/accessor.h) reads through
//     plain pointers the very words that a Cpu reads through the simulated MMU. Frames are shared, not copied.
//   * A read-only PTE is a read-only host mapping: a store to an aliased tail is a real SIGSEGV.
// Order of use
//   reserve the region, give its address to MachineConfig::vmemmap_base, build and run the machine, then map() while
//   every CPU is idle. PTEs that change later are not followed: map() again, or map_page(), which a HostMmu
//   (host_mmu.h) calls for each.
// Limits
//   Each run of frames is one mapping of the host, and an optimised 2 MiB folio takes two and one more for each further
//   tail page: 8. vm.max_map_count is looked at before anything is mapped. 4 KiB pages only. The host flushes at every
//   mmap, so deferred flushes and stale translations can't show here. The frames are shared memory in 4 KiB pages, so a
//   PMD leaf is one mapping, but not one TLB entry of the host; with Blocks::huge it is, and holds a copy of the
//   frames.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "core/machine/machine.h"
#include "core/pgtable/dump.h"

namespace hvo {

/// How PMD leaves are mapped.
enum class Blocks : u8 {
  shared,  ///< the frames themselves, which the host keeps in 4 KiB pages
  huge,    ///< 2 MiB pages of the host, each with a copy of its frames: for whoever only reads
};

/// Not thread-safe. The mapped memory may be read by any thread, also after the machine is gone.
class HostMirror {
 public:
  /// Reserves address space for the vmemmap of such a machine. Error: one line for the user.
  static std::expected<HostMirror, std::string> reserve(const MachineConfig& config);
  HostMirror(HostMirror&& other) noexcept;
  HostMirror& operator=(HostMirror&&) = delete;
  HostMirror(const HostMirror&) = delete;
  HostMirror& operator=(const HostMirror&) = delete;
  ~HostMirror();

  /// For MachineConfig::vmemmap_base: aligned as every design needs it.
  u64 vmemmap_base() const { return base_; }
  /// Maps the whole vmemmap as the page tables of `machine` are now. Quiescent machine, built on vmemmap_base().
  /// Error: one line for the user; for too many mappings the figure needed and the sysctl line, and nothing was mapped;
  /// for Blocks::huge also when the host did not grant every 2 MiB page (looked up in smaps).
  std::expected<void, std::string> map(Machine& machine, Blocks blocks = Blocks::shared);
  /// Maps the page at `va` anew, as `pte` says. `memory`: the machine's. Any thread, each page by one at a time:
  /// whoever reads the page meanwhile finds the old frame or the new one. Error: the host's own text.
  std::expected<void, std::string> map_page(const PhysicalMemory& memory, u64 va, Pte pte) const;
  /// Calls of mmap in the last map().
  u64 nr_mappings() const { return nr_mappings_; }

 private:
  HostMirror(u64 base, u64 bytes) : base_(base), bytes_(bytes) {}
  std::expected<void, std::string> map_row(const Machine& machine, const DumpRow& row);
  std::expected<void, std::string> map_huge(const Machine& machine, const DumpRow& row);

  u64 base_ = 0;
  u64 bytes_ = 0;
  u64 nr_mappings_ = 0;
};

/// Host mappings that these rows need.
u64 mappings_of(const std::vector<DumpRow>& rows);

/// Empty when `needed` more mappings fit beside the `in_use` that the process has and those to spare for what it may
/// still map, else what to tell the user.
inline constexpr u64 kSpareMappings = 64;
std::string refuse_mappings(u64 needed, u64 in_use, u64 max_map_count, u64 spare = kSpareMappings);
/// Memory mappings that this process has, and how many it may have (vm.max_map_count).
u64 mappings_in_use();
u64 max_map_count();
/// Empty when the host's MMU can map the vmemmap of this geometry, else why not.
std::string refuse_page_size(const Geometry& geometry);

}  // namespace hvo
