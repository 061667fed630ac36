// Pools: the guest's hugepage pools through /sys, and the hugepages that this process maps.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "tests/kernel/trace.h"

namespace hvo::kernel {

/// Takes the address of a page that has a memory error then; only kernels with memory failure have it.
inline constexpr const char* kHardOffline = "/sys/devices/system/memory/hard_offline_page";

class Pools {
 public:
  Pools();
  ~Pools();
  Pools(const Pools&) = delete;
  Pools& operator=(const Pools&) = delete;

  bool has_size(unsigned order) const;
  PoolLine counters(unsigned order) const;
  /// What came of it: "ok", "did:3" when fewer than asked for, or the name of the error.
  std::string take(const Step& step);
  /// A memory error, with the block that is free and handed out next, if there is one. Source: hard_offline_page.
  std::string poison(const Step& step, const std::vector<std::uint64_t>& free);
  /// Pages that had one, in the order of the steps.
  const std::vector<std::uint64_t>& poisoned() const { return poisoned_; }
  /// Blocks of the mapped hugepages of a size, those mapped first in front.
  std::vector<std::uint64_t> used(unsigned order) const;

 private:
  struct Mapped {
    void* at;
    std::uint64_t block;
  };
  std::deque<Mapped>& mapped(unsigned order) { return mapped_[order == kOrder1G ? 1 : 0]; }
  std::string fault(const Step& step);
  std::string free(unsigned order, std::uint64_t count);
  std::string drain();
  std::string walk() const;
  std::uint64_t block_at(const void* address) const;

  std::deque<Mapped> mapped_[2];
  std::vector<std::uint64_t> poisoned_;
  int pagemap_;
};

}  // namespace hvo::kernel
