#include "bench/population.h"

#include <algorithm>
#include <numeric>

#include "bench/folio_arms.h"
#include "core/base/rng.h"

namespace hvo::bench {

namespace {

constexpr u64 kStructsPerPage = 64;
constexpr u32 kCpus = 2;

MachineConfig config_of(const Design& design, Kind kind, u64 nr_hugepages) {
  MachineConfig config;
  config.design = &design;
  // A 32nd more than the hugepages: the machine's own vmemmap is a 64th of its memory.
  config.memory_pages = nr_hugepages * Population::kHuge.nr_pages() * 33 / 32 + Population::kHuge.nr_pages();
  config.nr_cpus = kCpus;
  // Those of Kind::full join the pool later, when nothing is optimised any more.
  if (kind == Kind::optimized) config.pools[0] = {.order = Population::kHuge, .nr_huge_pages = nr_hugepages};
  return config;
}

}  // namespace

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::full: return "full";
    case Kind::optimized: return "optimized";
    case Kind::half: return "half";
    case Kind::ordinary: return "ordinary";
  }
  return "?";
}

std::string_view pattern_name(Pattern pattern) {
  switch (pattern) {
    case Pattern::sequential: return "sequential";
    case Pattern::random: return "random";
    case Pattern::page_aligned: return "page-aligned";
    case Pattern::heads: return "heads";
    case Pattern::hot: return "hot";
    case Pattern::hot_head: return "hot-head";
    case Pattern::hot_tail: return "hot-tail";
  }
  return "?";
}

bool exists(Kind kind, Pattern pattern) { return kind != Kind::ordinary || pattern != Pattern::heads; }

std::expected<std::unique_ptr<Population>, std::string> Population::make(const Design& design, Kind kind,
                                                                         u64 nr_hugepages, Blocks blocks) {
  MachineConfig config = config_of(design, kind, nr_hugepages);
  auto mirror = HostMirror::reserve(config);
  if (!mirror) return std::unexpected(mirror.error());
  config.vmemmap_base = mirror->vmemmap_base();
  auto machine = Machine::create(config);
  if (!machine) return std::unexpected(machine.error());
  std::unique_ptr<Population> p(new Population(kind, blocks, std::move(*mirror), std::move(*machine)));
  if (!p->fill(nr_hugepages)) return std::unexpected("a machine ran out of memory while it was filled");
  if (kind != Kind::ordinary) p->heads_ = heads_of_hugepages(*p->machine_);
  if (auto mapped = p->mirror_.map(*p->machine_, blocks); !mapped) return std::unexpected(mapped.error());
  return p;
}

bool Population::fill(u64 nr_hugepages) {
  if (kind_ == Kind::ordinary) return take_single_pages(nr_hugepages);
  if (kind_ == Kind::optimized) return true;  // at boot
  Cpu& cpu = machine_->cpu(0);
  cpu.run();
  Hugetlb& hugetlb = machine_->hugetlb();
  if (kind_ == Kind::half) hugetlb.set_max_huge_pages(cpu, kHuge, nr_hugepages / 2);
  machine_->optimizer().set_enabled(cpu, false);
  const bool filled = hugetlb.set_max_huge_pages(cpu, kHuge, nr_hugepages) == nr_hugepages;
  cpu.idle();
  return filled;
}

bool Population::take_single_pages(u64 nr_hugepages) {
  Cpu& cpu = machine_->cpu(0);
  cpu.run();
  for (u64 i = 0; i < nr_hugepages; ++i) {
    const auto first = machine_->pages().alloc_frozen_pages(cpu, kHuge);
    if (!first) return false;
    heads_.push_back(*first);
    for (u64 n = 0; n < kHuge.nr_pages(); ++n) {
      const CpuPages pages = machine_->vmemmap().pages(cpu);
      if (!page_ref_unfreeze(pages, machine_->vmemmap().page_of(*first + n), 1)) return false;
    }
  }
  cpu.idle();
  std::ranges::sort(heads_);
  return true;
}

std::vector<u32> Population::pfns(Pattern pattern, u64 length) const {
  Rng rng = Rng::seeded(static_cast<u64>(pattern) + 1);
  std::vector<u32> pfns;
  const u64 inside = kHuge.nr_pages();
  for (u64 i = 0; i < length; ++i) {
    const Pfn any = heads_[rng.below(heads_.size())];
    Pfn pfn;
    switch (pattern) {
      case Pattern::sequential: pfn = nth_head(i / inside % heads_.size()) + i % inside; break;
      case Pattern::random: pfn = any + rng.below(inside); break;
      case Pattern::page_aligned: pfn = any + kStructsPerPage * (1 + rng.below(inside / kStructsPerPage - 1)); break;
      case Pattern::heads: pfn = any; break;
      case Pattern::hot: pfn = heads_[0] + rng.below(inside); break;
      case Pattern::hot_head: pfn = kind_ == Kind::ordinary ? heads_[0] + 1 : heads_[0]; break;
      case Pattern::hot_tail: pfn = heads_[0] + 1 + rng.below(kStructsPerPage - 1); break;
    }
    pfns.push_back(static_cast<u32>(pfn.v));
  }
  return pfns;
}

Pfn Population::nth_head(u64 n) const {
  if (kind_ != Kind::half) return heads_[n];
  // The optimised ones were made first and lie below: one of them, one of the others.
  const u64 middle = heads_.size() / 2;
  return n % 2 == 0 ? heads_[n / 2] : heads_[std::min(middle + n / 2, heads_.size() - 1)];
}

std::vector<u32> Population::working_set(u64 bytes, u64 length) const {
  Rng rng = Rng::seeded(bytes);
  const u64 inside = kHuge.nr_pages();
  const u64 nr_hugepages = std::clamp<u64>((bytes >> kStructPageShift) / inside, 2, heads_.size());
  const u64 nr_pages = std::clamp<u64>(bytes >> kStructPageShift, 1, nr_hugepages * inside);
  // As many of each hugepage, no struct page twice; hugepages spread evenly, so that of Kind::half as many are
  // optimised as not.
  std::vector<u32> order(inside);
  std::iota(order.begin(), order.end(), u32{0});
  std::vector<u32> chosen;
  chosen.reserve(nr_pages);
  for (u64 i = 0; i < nr_pages; ++i) {
    if (i % nr_hugepages == 0)
      std::swap(order[i / nr_hugepages], order[i / nr_hugepages + rng.below(inside - i / nr_hugepages)]);
    const Pfn head = heads_[i % nr_hugepages * heads_.size() / nr_hugepages];
    chosen.push_back(static_cast<u32>(head.v) + order[i / nr_hugepages]);
  }
  for (u64 i = nr_pages; i > 1; --i) std::swap(chosen[i - 1], chosen[rng.below(i)]);
  std::vector<u32> pfns;
  pfns.reserve(length);
  for (u64 i = 0; i < length; ++i) pfns.push_back(chosen[i % nr_pages]);
  return pfns;
}

u64 Population::sum_of_heads(std::span<const u32> pfns) {
  Vmemmap& vmemmap = machine_->vmemmap();
  u64 sum = 0;
  for (const u32 pfn : pfns) sum += vmemmap.page_of(vmemmap.truth().about({pfn}).head).va;
  return sum;
}

u64 Population::nr_heads(std::span<const u32> pfns) {
  if (kind_ == Kind::ordinary) return 0;
  const Truth& truth = machine_->vmemmap().truth();
  return static_cast<u64>(std::ranges::count_if(pfns, [&](u32 pfn) { return truth.about({pfn}).head == Pfn{pfn}; }));
}

}  // namespace hvo::bench
