// What a machine shows after a step: the lines that the guest prints of itself.
#include <algorithm>
#include <map>

#include "tests/kernel/model_run.h"
#include "tests/kernel/model_view.h"

namespace hvo::kernel {

namespace {

std::vector<u64> blocks_of(const std::deque<Pfn>& heads) {
  std::vector<u64> blocks;
  blocks.reserve(heads.size());
  for (const Pfn head : heads) blocks.push_back(head.v / kBlockPages);
  return blocks;
}

std::vector<u64> split_pmds(Machine& machine, Cpu& cpu) {
  PageTable& table = machine.page_table();
  std::vector<u64> split;
  for (u64 i = 0; i < table.nr_pmds(); ++i) {
    const u64 va = table.vmemmap_base() + i * machine.config().geometry.pmd_size();
    if (Pmd{cpu.read_once(table.pmd_word(va))}.is_table()) split.push_back(i);
  }
  return split;
}

}  // namespace

void ModelRun::show(unsigned step) {
  const std::string n = " n=" + std::to_string(step);
  const VmemmapOptimizer& optimizer = machine_->optimizer();
  const std::vector<u64> split = split_pmds(*machine_, cpu_);
  print_("HVO vmemmap" + n + " frames=" + std::to_string(optimizer.nr_memmap_pages()) +
         " memmap=" + std::to_string(optimizer.nr_memmap_pages()) + " split=" + std::to_string(split.size()) +
         " pmds=" + to_text(split));
  print_("HVO free" + n + " pages=" +
         std::to_string(machine_->free_pages(cpu_) + machine_->frames().next().next().node({}).nr_cached(cpu_) +
                        nr_taken_ * kBlockPages));
  print_("HVO key" + n + " count=" + std::to_string(machine_->vmemmap().key().count(cpu_)));
  std::map<FolioState, std::vector<u64>> states;
  for (const Order order : {Order{kOrder2M}, Order{kOrder1G}}) {
    const PoolCounters c = machine_->hugetlb().counters(cpu_, order);
    print_(line_of(
        PoolLine{order.v, c.nr_huge_pages, c.free_huge_pages, c.surplus_huge_pages, 0, c.nr_overcommit_huge_pages},
        step));
    const std::vector<u64> free = free_list(order);
    const std::vector<u64> used = blocks_of(mapped(order));
    print_(line_of_lists(order.v, free, used, step));
    for (const auto& blocks : {free, used}) {
      for (const u64 block : blocks) {
        states[state_of(*machine_, cpu_, {block * kBlockPages}, order)].push_back(block);
      }
    }
  }
  for (auto& [state, blocks] : states) {
    std::ranges::sort(blocks);
    print_(line_of(state, blocks, step));
  }
  show_checks(step);
  show_errors(step);
}

void ModelRun::show_errors(unsigned step) {
  if (poisoned_.empty()) return;
  std::vector<u64> marked;
  for (const Pfn pfn : poisoned_) {
    if ((kpageflags(*machine_, cpu_, pfn) >> kKpfHwpoison & 1) != 0) marked.push_back(pfn.v);
  }
  print_(line_of_errors(cpu_.read_once(machine_->vmemmap().nr_poisoned()), marked, step));
}

void ModelRun::show_checks(unsigned step) {
  // Of each size and use the one that lies lowest and, of 2 MiB, the one that lies highest: as the guest does.
  for (const Order order : {Order{kOrder2M}, Order{kOrder1G}}) {
    for (const auto& blocks : {blocks_of(mapped(order)), free_list(order)}) {
      if (blocks.empty()) continue;
      const auto [low, high] = std::ranges::minmax(blocks);
      print_(line_of(check_folio(*machine_, cpu_, {low * kBlockPages}, order), step));
      if (high == low || order.v != kOrder2M) continue;
      print_(line_of(check_folio(*machine_, cpu_, {high * kBlockPages}, order), step));
    }
  }
}

}  // namespace hvo::kernel
