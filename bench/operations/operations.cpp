#include "bench/operations/operations.h"

#include <algorithm>
#include <array>

#include "bench/folio_arms.h"
#include "bench/threads.h"
#include "core/base/check.h"

namespace hvo::bench {

namespace {

constexpr Order kHuge{9};
constexpr u64 kSplits = 16;

constexpr std::string_view kCopyCover = "[PATCH v8 0/8] Batch hugetlb vmemmap modification operations, 2023";
constexpr std::string_view kFirstCover = "v15 cover letter of the first series, 2021";
constexpr std::array kPublished{
    Published{Operation::alloc_batch, "two-frame", 0.166 / 0.067, "alloc 10240 x 2M", kFirstCover},
    Published{Operation::free_batch, "two-frame", 0.213 / 0.081, "free 10240 x 2M", kFirstCover},
    Published{Operation::alloc_one, "fake-head-copy", 28.973 / 4.119, "alloc 500000 x 2M, unbatched", kCopyCover},
    Published{Operation::free_one, "fake-head-copy", 36.748 / 4.477, "free 500000 x 2M, unbatched", kCopyCover},
    Published{Operation::alloc_batch, "fake-head-copy", 7.267 / 4.119, "alloc 500000 x 2M, batched", kCopyCover},
    Published{Operation::free_batch, "fake-head-copy", 13.199 / 4.477, "free 500000 x 2M, batched", kCopyCover},
};

MachineConfig config_of(const Design& design, u64 memory_pages, u32 nr_cpus) {
  MachineConfig config;
  config.design = &design;
  config.memory_pages = memory_pages;
  config.nr_cpus = nr_cpus;
  return config;
}

}  // namespace

std::string_view operation_name(Operation operation) {
  switch (operation) {
    case Operation::alloc_one: return "alloc, one by one";
    case Operation::alloc_batch: return "alloc, a batch";
    case Operation::free_one: return "free, one by one";
    case Operation::free_batch: return "free, a batch";
    case Operation::optimize_one: return "optimise, one by one";
    case Operation::optimize_batch: return "optimise, a batch";
    case Operation::restore_one: return "restore, one by one";
    case Operation::restore_batch: return "restore, a batch";
    case Operation::demote: return "demote 1 GiB";
    case Operation::split: return "split a PMD";
    case Operation::fresh_1: return "alloc + free, 1 CPU";
    case Operation::fresh_n: return "alloc + free, all CPUs";
  }
  return "?";
}

std::string_view operation_meaning(Operation operation) {
  switch (operation) {
    case Operation::alloc_one: return "one 2 MiB hugepage of a pool that grows by one at a time";
    case Operation::alloc_batch: return "one 2 MiB hugepage of a pool that grows in one call";
    case Operation::free_one: return "one 2 MiB hugepage of a pool that shrinks by one at a time";
    case Operation::free_batch: return "one 2 MiB hugepage of a pool that shrinks in one call";
    case Operation::optimize_one: return "one 2 MiB folio, hugetlb_vmemmap_optimize_folio()";
    case Operation::optimize_batch: return "one 2 MiB folio of many, hugetlb_vmemmap_optimize_folios()";
    case Operation::restore_one: return "one 2 MiB folio, hugetlb_vmemmap_restore_folio()";
    case Operation::restore_batch: return "one 2 MiB folio of many, hugetlb_vmemmap_restore_folios()";
    case Operation::demote: return "one 1 GiB hugepage to 512 of 2 MiB";
    case Operation::split: return "one PMD leaf of the vmemmap replaced by a table";
    case Operation::fresh_1: return "one 2 MiB hugepage made and freed, by one CPU";
    case Operation::fresh_n: return "the same, by all CPUs of the host at once";
  }
  return "?";
}

bool has_baseline(Operation operation) {
  switch (operation) {
    case Operation::optimize_one:
    case Operation::optimize_batch:
    case Operation::restore_one:
    case Operation::restore_batch:
    case Operation::split: return false;
    default: return true;
  }
}

std::span<const Published> published_ratios() { return kPublished; }

std::string operation_arm(Operation operation, std::string_view design) {
  return std::string(operation_name(operation)) + "/" + std::string(design);
}

/// The machines of one design.
class OperationBench::Bench {
 public:
  Bench(const Design& design, std::unique_ptr<Machine> machine, u64 nr_folios)
      : design_(design), machine_(std::move(machine)), nr_folios_(nr_folios) {}

  double time(Operation operation, u64 n) {
    switch (operation) {
      case Operation::alloc_one: return resize(n, 1, true);
      case Operation::alloc_batch: return resize(n, nr_folios_, true);
      case Operation::free_one: return resize(n, 1, false);
      case Operation::free_batch: return resize(n, nr_folios_, false);
      case Operation::optimize_one: return optimize(n, false);
      case Operation::optimize_batch: return optimize(n, true);
      case Operation::restore_one: return restore(n, false);
      case Operation::restore_batch: return restore(n, true);
      case Operation::demote: return time_demotions(design_, n);
      case Operation::split: return time_pmd_splits(design_, n);
      case Operation::fresh_1: return fresh(n, 1);
      case Operation::fresh_n: return fresh(n, machine_->nr_cpus());
    }
    return 0;
  }

 private:
  Cpu& cpu() { return machine_->cpu(0); }

  /// n hugepages leave and join the pool, `step` a call; either way is timed.
  double resize(u64 n, u64 step, bool growth) {
    Hugetlb& hugetlb = machine_->hugetlb();
    cpu().run();
    double ns = 0;
    for (u64 done = 0; done < n; done += nr_folios_) {
      const Stopwatch shrinking;
      for (u64 left = nr_folios_; left != 0; left -= step) hugetlb.set_max_huge_pages(cpu(), kHuge, left - step);
      const double shrunk = shrinking.ns();
      const Stopwatch growing;
      for (u64 count = step; count <= nr_folios_; count += step) hugetlb.set_max_huge_pages(cpu(), kHuge, count);
      ns += growth ? growing.ns() : shrunk;
    }
    HVO_CHECK(hugetlb.set_max_huge_pages(cpu(), kHuge, nr_folios_) == nr_folios_, "what went has come back");
    cpu().idle();
    return ns;
  }

  void optimize_all(bool batch) {
    VmemmapOptimizer& optimizer = machine_->optimizer();
    if (batch) return optimizer.hugetlb_vmemmap_optimize_folios(cpu(), heads_, kHuge);
    for (const Pfn head : heads_) {
      const auto done = optimizer.hugetlb_vmemmap_optimize_folio(cpu(), head, kHuge);
      HVO_CHECK(done.has_value(), "a folio could not be optimised");
    }
  }
  void restore_all(bool batch) {
    VmemmapOptimizer& optimizer = machine_->optimizer();
    if (batch) {
      optimizer.hugetlb_vmemmap_restore_folios(cpu(), heads_, kHuge);
      return;
    }
    for (const Pfn head : heads_) {
      const auto done = optimizer.hugetlb_vmemmap_restore_folio(cpu(), head, kHuge);
      HVO_CHECK(done.has_value(), "a folio could not be restored");
    }
  }
  double optimize(u64 n, bool batch) {
    heads_ = heads_of_hugepages(*machine_);
    cpu().run();
    double ns = 0;
    for (u64 done = 0; done < n; done += heads_.size()) {
      restore_all(true);
      const Stopwatch watch;
      optimize_all(batch);
      ns += watch.ns();
    }
    cpu().idle();
    return ns;
  }
  double restore(u64 n, bool batch) {
    heads_ = heads_of_hugepages(*machine_);
    cpu().run();
    double ns = 0;
    for (u64 done = 0; done < n; done += heads_.size()) {
      const Stopwatch watch;
      restore_all(batch);
      ns += watch.ns();
      optimize_all(true);
    }
    cpu().idle();
    return ns;
  }

  double fresh(u64 n, u32 nr_cpus) {
    for (u32 i = 0; i < nr_cpus; ++i) machine_->cpu(i).run();
    std::atomic<u64> refused{0};
    const double ns = run_threads(nr_cpus, [&](u32 i) {
      Cpu& cpu = machine_->cpu(i);
      Hugetlb& hugetlb = machine_->hugetlb();
      for (u64 k = i; k < n; k += nr_cpus) {
        const auto head = hugetlb.alloc_migrate_hugetlb_folio(cpu, kHuge);
        if (!head || !hugetlb.folio_put(cpu, *head)) refused.fetch_add(1, std::memory_order::relaxed);
      }
      cpu.idle();
    });
    HVO_CHECK(refused.load(std::memory_order::relaxed) == 0, "room for one more hugepage on every CPU");
    return ns;
  }

  const Design& design_;
  std::unique_ptr<Machine> machine_;
  u64 nr_folios_;
  std::vector<Pfn> heads_;
};

OperationBench::OperationBench(u32 nr_cpus) : nr_cpus_(nr_cpus) {}

OperationBench::~OperationBench() = default;

std::expected<std::unique_ptr<OperationBench>, std::string> OperationBench::make(u64 nr_folios, u32 nr_cpus) {
  std::unique_ptr<OperationBench> bench(new OperationBench(nr_cpus));
  for (const Design& design : kDesigns) {
    MachineConfig config = config_of(design, (nr_folios + 8 * u64{nr_cpus}) * kHuge.nr_pages() * 33 / 32, nr_cpus);
    config.pools[0] = {.order = kHuge, .nr_huge_pages = nr_folios};
    auto machine = Machine::create(config);
    if (!machine) return std::unexpected(machine.error());
    bench->benches_.push_back(std::make_unique<Bench>(design, std::move(*machine), nr_folios));
    for (const Operation operation : kOperations) {
      if (!design.optimizes() && !has_baseline(operation)) continue;
      u64 batch = nr_folios;
      if (operation == Operation::demote) batch = 1;
      if (operation == Operation::split) batch = kSplits;
      bench->arms_.push_back({operation_arm(operation, design.name), std::string(operation_meaning(operation)), batch,
                              [b = bench->benches_.back().get(), operation](u64 n) { return b->time(operation, n); }});
    }
  }
  return bench;
}

}  // namespace hvo::bench
