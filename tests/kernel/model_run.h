// ModelRun: the steps of a trace on a machine of the guest's size, and what is to be seen after each, line by line as
// the guest says it.
//
// The machine has the guest's pfns. All its memory is taken, in blocks of 2 MiB, but for single pages that never make a
// block: memory for the vmemmap. Before a step allocates, the very blocks that the guest got are given back to the
// machine's page allocator: that is all that is told of the guest. All else is the machine's doing.
#pragma once

#include <deque>
#include <functional>

#include "core/machine/machine.h"
#include "tests/kernel/trace.h"

namespace hvo::kernel {

class ModelRun {
 public:
  using Print = std::function<void(const std::string&)>;
  /// Error: one line.
  static std::expected<std::unique_ptr<ModelRun>, std::string> create(const Design& design, u64 memory_pages,
                                                                      Print print);
  ~ModelRun();
  ModelRun(const ModelRun&) = delete;
  ModelRun& operator=(const ModelRun&) = delete;

  /// All steps, and the state before the first. False: the machine found a violation that is no known hole of its
  /// design; it was printed.
  bool play(const std::vector<Step>& trace);

 private:
  struct Mapped {
    Pfn head;
  };
  ModelRun(std::unique_ptr<Machine> machine, Print print);
  bool take_all_memory();

  std::string take(const Step& step);
  std::string set(const Step& step);
  std::string fault(const Step& step);
  std::string free(Order order, u64 count);
  std::string demote(u64 count);
  std::string drain();
  std::string walk();
  std::string poison(const Step& step);
  u64 set_pool(Order order, u64 count, const std::vector<u64>& got);
  std::deque<Pfn>& mapped(Order order) { return mapped_[order.v == kOrder1G ? 1 : 0]; }

  /// A hugepage's worth of blocks becomes free. False: not aligned, or not the model's to give.
  bool give(u64 block, Order order);
  /// What the pools gave back since.
  void take_back();
  /// Blocks on the free list of a pool, the one that is taken first in front.
  std::vector<u64> free_list(Order order);
  std::vector<Pfn> hugepages(Order order);

  void show(unsigned step);
  void show_checks(unsigned step);
  void show_errors(unsigned step);
  void complain(const std::string& what);

  std::unique_ptr<Machine> machine_;
  Print print_;
  Cpu& cpu_;
  std::deque<Pfn> mapped_[2];
  std::vector<Pfn> poisoned_;
  std::vector<bool> taken_;  ///< by block: out of the machine's hands
  u64 nr_taken_ = 0;
  bool ok_ = true;
};

}  // namespace hvo::kernel
