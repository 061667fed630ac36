// kernel: what the running kernel says of itself about HVO, read from /proc and /sys. No root, nothing is changed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/hvo/designs.h"

namespace hvo::stress {

/// One /sys/kernel/mm/hugepages/hugepages-*kB.
struct HostPool {
  u64 bytes_per_page = 0;  ///< of one hugepage
  u64 nr = 0;
  u64 nr_free = 0;
  u64 nr_surplus = 0;
  u64 nr_overcommit = 0;
};

/// Whether the kernel optimises the hugepages that it makes from now on.
enum class HostHvo : u8 {
  absent,   ///< no kernel before 5.14 has it, nor one that was built without it
  off,      ///< built in and switched off
  on,       ///< switched on
  unknown,  ///< no sysctl (before 5.19), no boot parameter, no readable configuration
};

struct HostKernel {
  std::string release;             ///< as `uname -r`
  std::string machine;             ///< as `uname -m`
  const Design* design = nullptr;  ///< by its version; nullptr: none, or the version can't be read
  HostHvo hvo = HostHvo::unknown;
  std::string hvo_seen_in;  ///< which file says so
  u64 page_bytes = 4096;
  std::optional<u64> memory_bytes;  ///< MemTotal
  std::optional<u64> memmap_pages;  ///< nr_memmap_pages + nr_memmap_boot_pages: pages of struct pages, where counted
  std::vector<HostPool> pools;      ///< smallest first

  /// Frames that HVO frees of one hugepage of this size; 0: too small to be optimised.
  u64 frames_freed(const HostPool& pool) const;
};

/// Where the files are: "" for this host. `machine` and `page_bytes` come from the caller, not from files.
HostKernel read_host_kernel(const std::string& root, const std::string& machine, u64 page_bytes);
/// Of the kernel that runs.
HostKernel read_host_kernel();

}  // namespace hvo::stress
