// Machine: all parts put together from one config.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/frame/give_back.h"
#include "core/frame/physical_memory.h"
#include "core/machine/config.h"

namespace hvo {

class HostMmu;

/// Frames by what they are used for, counted from the page tables up. Quiescent machine.
struct FrameCensus {
  u64 mapped = 0;  ///< distinct frames that back struct pages
  u64 pte_pages = 0;
  u64 pmd_pages = 0;
  u64 read_only_ptes = 0;
  friend constexpr bool operator==(const FrameCensus&, const FrameCensus&) = default;
};

/// Called now and then while a machine boots: pages of vmemmap that are written, and all. False stops the boot.
using BootWatch = std::function<bool(u64 done, u64 all)>;
inline constexpr std::string_view kBootStopped = "the boot was stopped";

/// A simulated machine. Its mutable state lives in one arena and one PhysicalMemory; everything here is wiring, made
/// once. Thread-safety: each Cpu is driven by one host thread at a time; boot, reset, validate, census and hashes need
/// every CPU idle.
class Machine {
 public:
  /// Builds and boots. Error: one line for the user (which limit, how much is needed; or kBootStopped).
  static std::expected<std::unique_ptr<Machine>, std::string> create(const MachineConfig& config,
                                                                     const BootWatch& watch = {});
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine();

  const MachineConfig& config() const { return config_; }
  const Design& design() const { return *config_.design; }
  u32 nr_cpus() const { return config_.nr_cpus; }
  Cpu& cpu(u32 i) { return *cpus_[i]; }
  std::span<Cpu* const> cpus() const { return cpus_; }
  FrameSource& frames() { return source_; }
  const PhysicalMemory& memory() const { return memory_; }
  const Arena& arena() const { return arena_; }
  const FrameTable& frame_table() const { return memory_.frames(); }
  PageTable& page_table() { return table_; }
  Vmemmap& vmemmap() { return vmemmap_; }
  PageAllocator& pages() { return pages_; }
  VmemmapOptimizer& optimizer() { return optimizer_; }
  Hugetlb& hugetlb() { return hugetlb_; }
  /// Null with the software MMU.
  const HostMmu* host_mmu() const { return host_mmu_.get(); }
  u32 nr_nodes() const { return config_.nr_nodes; }
  /// The free pages of a node.
  Budget& budget(NodeId node = {}) { return budgets_[node.v]; }
  /// Of all nodes. Any CPU; exact at a quiescent point.
  u64 free_pages(Cpu& cpu);
  /// Gives the host's memory behind free frames back to the host: how many frames. Never by itself; see GiveBack.
  std::expected<u64, std::string> give_back_free_frames(Cpu& cpu) { return give_back_.free_frames(cpu); }
  Diagnostics& diagnostics(u32 cpu) { return diagnostics_[cpu]; }

  /// Recounts everything from the bottom: allocators, page tables against frames, folio flags against PTEs, every
  /// lookup helper on every pfn against the truth. Reports through CPU 0; true when nothing was wrong.
  bool validate();
  FrameCensus census();
  /// Of the frames that lie on this node, and the PTEs of its memory.
  FrameCensus census(NodeId node);
  /// One number for the whole state: the same for the same run in every build.
  u64 state_hash() const;
  /// Violations of all CPUs so far.
  u64 nr_violations() const;

 private:
  Machine(const MachineConfig& config, Arena arena, PhysicalMemory memory);
  /// With the software MMU, whatever the config says.
  static std::expected<std::unique_ptr<Machine>, std::string> build(const MachineConfig& config,
                                                                    const BootWatch& watch);
  static std::expected<std::unique_ptr<Machine>, std::string> build_on_host(MachineConfig config,
                                                                            const BootWatch& watch);
  /// Error: one line for the user.
  std::expected<void, std::string> boot(const BootWatch& watch);
  /// False: it was stopped.
  bool write_struct_pages(Cpu& cpu, const BootWatch& watch);
  std::expected<void, std::string> fill_pools(Cpu& cpu);
  /// Hugepages of one node that are mapped optimised at boot.
  struct BootRange {
    Order order;
    Pfn first;
    Pfn end;
  };
  using BootRanges = std::vector<BootRange>;
  std::expected<BootRanges, std::string> place_boot_pools() const;
  std::expected<void, Errno> map_vmemmap(Cpu& cpu, const BootRanges& at_boot);
  std::expected<void, Errno> map_boot_range(Cpu& cpu, const BootRange& range);
  std::expected<void, std::string> adopt_boot_range(Cpu& cpu, const BootRange& range);
  std::span<Cpu* const> make_cpus();
  std::vector<Budget> make_budgets();
  bool validate_mappings(Cpu& cpu);
  bool validate_folios(Cpu& cpu);
  bool is_tail_page(u64 va);
  bool validate_budget(Cpu& cpu, NodeId node);
  bool validate_folio(Cpu& cpu, Pfn head);
  template <class Encoding>
  bool validate_lookups(Cpu& cpu);

  MachineConfig config_;
  Arena arena_;
  PhysicalMemory memory_;
  std::vector<Diagnostics> diagnostics_;
  std::vector<Cpu> cpu_storage_;
  std::vector<Cpu*> cpus_;
  std::vector<Budget> budgets_;
  FrameSource source_;
  PageTable table_;
  Vmemmap vmemmap_;
  PageAllocator pages_;
  VmemmapOptimizer optimizer_;
  Hugetlb hugetlb_;
  GiveBack give_back_;
  std::unique_ptr<HostMmu> host_mmu_;
};

}  // namespace hvo
