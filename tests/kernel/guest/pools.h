// Pools: the guest's hugepage pools through /sys, and the hugepages that this process maps.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "tests/kernel/trace.h"

namespace hvo::kernel {

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
  int pagemap_;
};

}  // namespace hvo::kernel
