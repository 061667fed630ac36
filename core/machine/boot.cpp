// Boot: page tables and struct pages first, then the pools. One CPU.
//
// Hugepages of the command line, where the design can: their place is chosen before anything is mapped, dealt out to
// the nodes in turn, from the top of each node down, so that the frames their tails would have had are never allocated.
// In order: where → PMDs of all other memory → theirs, optimised → all other struct pages → theirs → taken from the
// page allocator → into the pool.
#include <algorithm>
#include <array>

#include "core/machine/machine.h"

namespace hvo {

namespace {

constexpr std::string_view kTooSmall = "the machine has too little memory for its own vmemmap: give it more pages";

std::string too_little(const MachineConfig& config, const PoolConfig& pool, u64 reached) {
  const u64 bytes = config.geometry.folio_bytes(pool.order);
  return "the pool of " + std::to_string(pool.nr_huge_pages) + " hugepages of " + std::to_string(bytes >> 10) +
         " KiB needs " + std::to_string(pool.nr_huge_pages * bytes >> 20) + " MiB; of " +
         std::to_string(sizes_of(config).nr_pages << config.geometry.page_shift >> 20) + " MiB of memory only " +
         std::to_string(reached) + " could be taken";
}

}  // namespace

std::expected<Machine::BootRanges, std::string> Machine::place_boot_pools() const {
  BootRanges ranges;
  if (!design().populates_boot_pool) return ranges;
  const NodeRanges<Pfn>& nodes = vmemmap_.nodes();
  const Pfn end_of_ordinary{vmemmap_.nr_pages() - self_hosted_pages(config_)};
  std::array<Pfn, kMaxNodes> end{};  // of what is left of each node
  for (NodeId n; n.v < nr_nodes(); ++n.v) end[n.v] = std::min(nodes.first_of(n) + nodes.per_node(), end_of_ordinary);
  for (const PoolConfig& pool : config_.pools) {
    if (!pool.at_boot || pool.nr_huge_pages == 0) continue;
    const u64 each = pool.order.nr_pages();
    std::array<u64, kMaxNodes> nr{};
    u64 left = pool.nr_huge_pages;
    // In turn, as pools are made after boot too; a hugepage is of one node.
    for (bool any = true; any && left != 0;) {
      any = false;
      for (NodeId n; n.v < nr_nodes() && left != 0; ++n.v) {
        const Pfn top = align_down(end[n.v], pool.order);
        if (top.v < (nr[n.v] + 1) * each || top - (nr[n.v] + 1) * each < nodes.first_of(n)) continue;
        ++nr[n.v];
        --left;
        any = true;
      }
    }
    if (left != 0) return std::unexpected(too_little(config_, pool, pool.nr_huge_pages - left));
    for (NodeId n; n.v < nr_nodes(); ++n.v) {
      if (nr[n.v] == 0) continue;
      const Pfn top = align_down(end[n.v], pool.order);
      end[n.v] = top - nr[n.v] * each;
      ranges.push_back({pool.order, end[n.v], top});
    }
  }
  return ranges;
}

std::expected<void, Errno> Machine::map_boot_range(Cpu& cpu, const BootRange& range) {
  for (Pfn head = range.first; head < range.end; head = head + range.order.nr_pages()) {
    const auto tails = optimizer_.tails_at_boot(cpu, head, range.order);
    if (!tails) return std::unexpected(tails.error());
    const u64 start = vmemmap_.page_of(head).va;
    const u64 end = start + config_.geometry.vmemmap_size(range.order);
    if (auto mapped = table_.populate_optimized(cpu, start, end, *tails); !mapped) return mapped;
  }
  return {};
}

std::expected<void, Errno> Machine::map_vmemmap(Cpu& cpu, const BootRanges& at_boot) {
  std::vector<VmemmapRange> left_out;
  left_out.reserve(at_boot.size());
  for (const BootRange& r : at_boot) left_out.push_back({vmemmap_.page_of(r.first).va, vmemmap_.page_of(r.end).va});
  if (auto mapped = table_.populate(cpu, left_out); !mapped) return mapped;
  for (const BootRange& r : at_boot) {
    if (auto mapped = map_boot_range(cpu, r); !mapped) return mapped;
  }
  return {};
}

bool Machine::write_struct_pages(Cpu& cpu, const BootWatch& watch) {
  constexpr u64 kPagesPerLook = 4096;
  const u64 all = table_.nr_vmemmap_pages();
  for (u64 first = 0; first < all; first += kPagesPerLook) {
    if (watch && !watch(first, all)) return false;
    vmemmap_.populate(cpu, first, std::min(first + kPagesPerLook, all));
  }
  return true;
}

std::expected<void, std::string> Machine::boot(const BootWatch& watch) {
  const auto at_boot = place_boot_pools();
  if (!at_boot) return std::unexpected(at_boot.error());
  Cpu& cpu = *cpus_[0];
  cpu.run();
  std::expected<void, std::string> booted;
  if (map_vmemmap(cpu, *at_boot)) {
    if (!write_struct_pages(cpu, watch)) {
      cpu.idle();
      return std::unexpected(std::string(kBootStopped));
    }
    const u64 nr_self_hosted = self_hosted_pages(config_);
    if (nr_self_hosted != 0) {
      table_.mark_self_hosted(cpu, vmemmap_.page_of({vmemmap_.nr_pages() - nr_self_hosted}).va);
    }
    for (const BootRange& r : *at_boot) {
      if (booted) booted = adopt_boot_range(cpu, r);
    }
    if (booted) booted = fill_pools(cpu);
  } else {
    booted = std::unexpected(std::string(kTooSmall));
  }
  cpu.idle();
  if (booted) source_.next().set_plan(config_.failures);
  for (Diagnostics& d : diagnostics_) d.clear();
  return booted;
}

std::expected<void, std::string> Machine::adopt_boot_range(Cpu& cpu, const BootRange& range) {
  for (Pfn head = range.first; head < range.end; head = head + range.order.nr_pages()) {
    // What is mapped and free may still be more than the budget has left: page tables cost too.
    if (!pages_.take_boot_pages(cpu, head, range.order)) return std::unexpected(std::string(kTooSmall));
    vmemmap_.prep_boot_folio(cpu, head, range.order);
    optimizer_.adopt_boot_folio(cpu, head, range.order);
    hugetlb_.adopt_boot_folio(cpu, head, range.order);
  }
  return {};
}

std::expected<void, std::string> Machine::fill_pools(Cpu& cpu) {
  for (const PoolConfig& pool : config_.pools) {
    if (pool.order.v == 0) continue;
    hugetlb_.set_nr_overcommit_huge_pages(cpu, pool.order, pool.nr_overcommit_huge_pages);
    const u64 reached = hugetlb_.set_max_huge_pages(cpu, pool.order, pool.nr_huge_pages);
    if (reached != pool.nr_huge_pages) return std::unexpected(too_little(config_, pool, reached));
  }
  return {};
}

}  // namespace hvo
