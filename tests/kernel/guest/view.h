// View: all that the guest shows of itself after a step.
#pragma once

#include "tests/kernel/guest/kernel_memory.h"
#include "tests/kernel/guest/pools.h"

namespace hvo::kernel {

class View {
 public:
  View(KernelMemory& memory, Pools& pools);
  /// Pages of memory, holes included.
  std::uint64_t nr_pages() const { return nr_pages_; }
  /// The free list as it was shown last, front first.
  std::vector<std::uint64_t> free_list(unsigned order) const;
  /// Waits until no hugepage is on its way out of a pool, then says everything.
  void show(unsigned step);

 private:
  struct Hugepage {
    std::uint64_t pfn;
    unsigned order;
    bool is_free;
  };
  void find_hugepages();
  void settle();
  FolioState state_of(const Hugepage& page) const;
  FolioCheck check(const Hugepage& page) const;
  void show_checks(unsigned step) const;
  void show_memory(unsigned step) const;
  void show_errors(unsigned step) const;
  std::vector<std::uint64_t> kpageflags(std::uint64_t pfn, std::uint64_t nr) const;

  KernelMemory& memory_;
  Pools& pools_;
  int kpageflags_;
  std::uint64_t nr_pages_ = 0;
  std::vector<Hugepage> hugepages_;
};

}  // namespace hvo::kernel
