#include "bench/folio_arms.h"

#include <algorithm>
#include <cstring>

#include "core/base/check.h"

namespace hvo::bench {

namespace {

constexpr Order kHuge{9};
constexpr Order kGigantic{18};
constexpr u64 kTailPages = 7;
constexpr u64 kPmdsPerMachine = 16;

MachineConfig config_of(const Design& design, u64 memory_pages) {
  MachineConfig config;
  config.design = &design;
  config.memory_pages = memory_pages;
  return config;
}

/// Calls batch(m) until n operations are done, m at most `most`; adds up what it returns.
template <class Batch>
double in_batches(u64 n, u64 most, Batch batch) {
  double ns = 0;
  for (u64 left = n; left != 0;) {
    const u64 some = std::min(left, most);
    ns += batch(some);
    left -= some;
  }
  return ns;
}

}  // namespace

std::expected<std::unique_ptr<Folios>, std::string> Folios::make(u64 nr_folios) {
  MachineConfig config = config_of(*find_design("fake-head"), (nr_folios + 8) * kHuge.nr_pages() * 33 / 32);
  config.pools[0] = {.order = kHuge, .nr_huge_pages = nr_folios};
  auto machine = Machine::create(config);
  if (!machine) return std::unexpected(machine.error());
  std::unique_ptr<Folios> folios(new Folios(std::move(*machine)));
  folios->heads_ = heads_of_hugepages(*folios->machine_);
  return folios;
}

void Folios::chill() {
  const std::span<const std::byte> bytes = machine_->memory().bytes();
  for (u64 at = 0; at < bytes.size(); at += 64) __builtin_ia32_clflush(bytes.data() + at);
  __builtin_ia32_mfence();
}

const std::byte* Folios::head_page(Pfn head) {
  const Translation t = machine_->page_table().walk(machine_->cpu(0), machine_->vmemmap().page_of(head).va);
  return machine_->frame_table().address(t.frame);
}

void Folios::optimize(u64 n) {
  for (u64 i = 0; i < n; ++i) {
    const auto done = machine_->optimizer().hugetlb_vmemmap_optimize_folio(machine_->cpu(0), heads_[i], kHuge);
    HVO_CHECK(done, "a folio could not be optimised");
  }
}

void Folios::restore(u64 n) {
  for (u64 i = 0; i < n; ++i) {
    const auto done = machine_->optimizer().hugetlb_vmemmap_restore_folio(machine_->cpu(0), heads_[i], kHuge);
    HVO_CHECK(done, "a folio could not be restored");
  }
}

double Folios::time_optimize(u64 n) {
  Cpu& cpu = machine_->cpu(0);
  cpu.run();
  const double ns = in_batches(n, heads_.size(), [&](u64 some) {
    restore(some);
    const Stopwatch watch;
    optimize(some);
    return watch.ns();
  });
  cpu.idle();
  return ns;
}

double Folios::time_restore(u64 n) {
  Cpu& cpu = machine_->cpu(0);
  cpu.run();
  const double ns = in_batches(n, heads_.size(), [&](u64 some) {
    chill();
    const Stopwatch watch;
    restore(some);
    const double took = watch.ns();
    optimize(some);
    return took;
  });
  cpu.idle();
  return ns;
}

double Folios::seven_copies(u64 n) {
  Cpu& cpu = machine_->cpu(0);
  std::vector<FrameNo> frames(n * kTailPages);
  HVO_CHECK(machine_->frames().alloc_bulk(cpu, frames), "the frames of optimised folios are free");
  std::vector<const std::byte*> sources;
  sources.reserve(n);
  for (u64 i = 0; i < n; ++i) sources.push_back(head_page(heads_[i]));
  const FrameTable& table = machine_->frame_table();
  chill();
  const Stopwatch watch;
  for (u64 i = 0; i < frames.size(); ++i) std::memcpy(table.address(frames[i]), sources[i / kTailPages], 4096);
  const double ns = watch.ns();
  machine_->frames().free_bulk(cpu, frames);
  return ns;
}

double Folios::time_seven_copies(u64 n) {
  Cpu& cpu = machine_->cpu(0);
  cpu.run();
  const double ns = in_batches(n, heads_.size(), [&](u64 some) { return seven_copies(some); });
  cpu.idle();
  return ns;
}

double Folios::time_alloc_free(u64 n) {
  Cpu& cpu = machine_->cpu(0);
  Hugetlb& hugetlb = machine_->hugetlb();
  cpu.run();
  const Stopwatch watch;
  for (u64 i = 0; i < n; ++i) {
    const auto head = hugetlb.alloc_hugetlb_folio(cpu, kHuge);
    HVO_CHECK(head && hugetlb.folio_put(cpu, *head), "the pool has a free folio");
  }
  const double ns = watch.ns();
  cpu.idle();
  return ns;
}

double Folios::time_fresh_free(u64 n) {
  Cpu& cpu = machine_->cpu(0);
  Hugetlb& hugetlb = machine_->hugetlb();
  cpu.run();
  const Stopwatch watch;
  for (u64 i = 0; i < n; ++i) {
    const auto head = hugetlb.alloc_migrate_hugetlb_folio(cpu, kHuge);
    HVO_CHECK(head && hugetlb.folio_put(cpu, *head), "no room for one more hugepage");
  }
  const double ns = watch.ns();
  cpu.idle();
  return ns;
}

double Folios::resize(u64 n, bool time_growth) {
  Cpu& cpu = machine_->cpu(0);
  Hugetlb& hugetlb = machine_->hugetlb();
  const u64 whole = heads_.size();
  cpu.run();
  const double ns = in_batches(n, whole, [&](u64 some) {
    const Stopwatch shrinking;
    HVO_CHECK(hugetlb.set_max_huge_pages(cpu, kHuge, whole - some) == whole - some, "free folios can go");
    const double shrunk = shrinking.ns();
    const Stopwatch growing;
    HVO_CHECK(hugetlb.set_max_huge_pages(cpu, kHuge, whole) == whole, "what went can come back");
    return time_growth ? growing.ns() : shrunk;
  });
  cpu.idle();
  heads_ = heads_of_hugepages(*machine_);
  return ns;
}

double Folios::time_grow(u64 n) { return resize(n, true); }

double Folios::time_shrink(u64 n) { return resize(n, false); }

std::vector<Pfn> heads_of_hugepages(Machine& machine) {
  Vmemmap& vmemmap = machine.vmemmap();
  std::vector<Pfn> heads;
  for (Pfn pfn{0}; pfn.v < vmemmap.nr_pages(); pfn = pfn + kHuge.nr_pages()) {
    if (vmemmap.truth().about(pfn).order == kHuge) heads.push_back(pfn);
  }
  return heads;
}

double time_demotions(const Design& design, u64 n) {
  MachineConfig config = config_of(design, kGigantic.nr_pages() * 9 / 4);
  config.pools = {{{.order = kGigantic, .nr_huge_pages = 1}, {}}};
  auto machine = Machine::create(config);
  HVO_CHECK(machine, "no memory for a machine of 2 GiB");
  Hugetlb& hugetlb = (*machine)->hugetlb();
  Cpu& cpu = (*machine)->cpu(0);
  cpu.run();
  const double ns = in_batches(n, 1, [&](u64) {
    const Stopwatch watch;
    HVO_CHECK(hugetlb.demote_pool_huge_pages(cpu, kGigantic, 1) == 1, "there is a free hugepage to demote");
    const double took = watch.ns();
    hugetlb.set_max_huge_pages(cpu, kHuge, 0);
    HVO_CHECK(hugetlb.set_max_huge_pages(cpu, kGigantic, 1) == 1, "the memory is whole again");
    return took;
  });
  cpu.idle();
  return ns;
}

double time_pmd_splits(const Design& design, u64 n) {
  return in_batches(n, kPmdsPerMachine, [&design](u64 some) {
    auto machine = Machine::create(config_of(design, kPmdsPerMachine * kGeometries[0].structs_per_pmd()));
    HVO_CHECK(machine, "no memory for a small machine");
    PageTable& table = (*machine)->page_table();
    Cpu& cpu = (*machine)->cpu(0);
    cpu.run();
    const Stopwatch watch;
    for (u64 i = 0; i < some; ++i) {
      const ReadGuard guard(cpu, table.init_mm().mmap_lock);
      const u64 va = table.vmemmap_base() + i * table.geometry().pmd_size();
      HVO_CHECK(table.vmemmap_split_pmd(cpu, va, SplitFlush::now) == SplitResult::split, "a fresh PMD is a leaf");
    }
    const double ns = watch.ns();
    cpu.idle();
    return ns;
  });
}

}  // namespace hvo::bench
