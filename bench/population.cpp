#include "bench/population.h"

#include <algorithm>

#include "core/base/rng.h"

namespace hvo::bench {

namespace {

constexpr Order kHuge{9};
constexpr u64 kStructsPerPage = 64;
constexpr u32 kCpus = 2;

MachineConfig config_of(Kind kind, u64 nr_hugepages) {
  MachineConfig config;
  config.design = find_design(kind == Kind::optimized ? "fake-head" : "none");
  // A 32nd more than the hugepages: the machine's own vmemmap is a 64th of its memory.
  config.memory_pages = nr_hugepages * kHuge.nr_pages() * 33 / 32 + kHuge.nr_pages();
  config.nr_cpus = kCpus;
  return config;
}

}  // namespace

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::full: return "full";
    case Kind::optimized: return "optimized";
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
  }
  return "?";
}

bool exists(Kind kind, Pattern pattern) { return kind != Kind::ordinary || pattern != Pattern::heads; }

std::expected<std::unique_ptr<Population>, std::string> Population::make(Kind kind, u64 nr_hugepages) {
  MachineConfig config = config_of(kind, nr_hugepages);
  auto mirror = HostMirror::reserve(config);
  if (!mirror) return std::unexpected(mirror.error());
  config.vmemmap_base = mirror->vmemmap_base();
  auto machine = Machine::create(config);
  if (!machine) return std::unexpected(machine.error());
  std::unique_ptr<Population> p(new Population(kind, std::move(*mirror), std::move(*machine)));
  if (!p->fill(nr_hugepages)) return std::unexpected("a machine ran out of memory while it was filled");
  if (auto mapped = p->mirror_.map(*p->machine_); !mapped) return std::unexpected(mapped.error());
  return p;
}

bool Population::fill(u64 nr_hugepages) {
  Cpu& cpu = machine_->cpu(0);
  cpu.run();
  bool ok = true;
  for (u64 i = 0; ok && i < nr_hugepages; ++i) {
    const auto head = kind_ == Kind::ordinary ? machine_->pages().alloc_frozen_pages(cpu, kHuge)
                                              : machine_->hugetlb().alloc_fresh_hugetlb_folio(cpu, kHuge);
    ok = head.has_value();
    if (ok) heads_.push_back(*head);
    if (!ok || kind_ != Kind::ordinary) continue;
    for (u64 n = 0; ok && n < kHuge.nr_pages(); ++n) {
      ok = page_ref_unfreeze(machine_->vmemmap().pages(cpu), machine_->vmemmap().page_of(*head + n), 1).has_value();
    }
  }
  cpu.idle();
  std::ranges::sort(heads_);
  return ok;
}

std::vector<u32> Population::pfns(Pattern pattern, u64 length) const {
  Rng rng = Rng::seeded(static_cast<u64>(pattern) + 1);
  std::vector<u32> pfns;
  const u64 inside = kHuge.nr_pages();
  for (u64 i = 0; i < length; ++i) {
    const Pfn any = heads_[rng.below(heads_.size())];
    Pfn pfn;
    switch (pattern) {
      case Pattern::sequential: pfn = heads_[i / inside % heads_.size()] + i % inside; break;
      case Pattern::random: pfn = any + rng.below(inside); break;
      case Pattern::page_aligned: pfn = any + kStructsPerPage * (1 + rng.below(inside / kStructsPerPage - 1)); break;
      case Pattern::heads: pfn = any; break;
      case Pattern::hot: pfn = heads_[0] + rng.below(inside); break;
    }
    pfns.push_back(static_cast<u32>(pfn.v));
  }
  return pfns;
}

u64 Population::sum_of_heads(std::span<const u32> pfns) {
  Vmemmap& vmemmap = machine_->vmemmap();
  u64 sum = 0;
  for (const u32 pfn : pfns) sum += vmemmap.page_of(vmemmap.truth().about({pfn}).head).va;
  return sum;
}

}  // namespace hvo::bench
