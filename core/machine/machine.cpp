#include "core/machine/machine.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "core/base/hash.h"
#include "core/machine/host_mmu.h"

namespace hvo {

namespace {

constexpr u64 kTlbPages = 64;
constexpr u64 kTlbBlocks = 8;

/// Entries of a direct-mapped array, a power of two: no more than there are places to translate, since each has one of
/// its own then.
u64 tlb_entries(u64 most, u64 nr_places) { return std::min(most, std::bit_ceil(nr_places)); }
constexpr u64 kSpareFrames = 64;
constexpr u64 kFramesOfBatch = 512;

FrameAllocatorConfig allocator_config(const MachineConfig& config) {
  const bool tiny = config.geometry.page_size() < 4096;
  return {
      .nr_cpus = config.nr_cpus, .pcp_high = tiny ? 0U : 512U, .pcp_batch = tiny ? 0U : 63U, .poison = config.poison};
}

/// What a node of `per_node` pages may not cut: a PMD of vmemmap, or a hugepage that would fit.
u64 node_granule(const Geometry& g, u64 per_node) {
  u64 granule = g.memory_granule();
  for (const Order order : g.huge_sizes()) {
    if (order.nr_pages() <= per_node) granule = std::max(granule, order.nr_pages());
  }
  return granule;
}

std::string refuse_nodes(const MachineConfig& config) {
  if (config.nr_nodes == 0 || config.nr_nodes > kMaxNodes) {
    return "a machine has 1 to " + std::to_string(kMaxNodes) + " nodes, not " + std::to_string(config.nr_nodes);
  }
  const u64 nr_pages = sizes_of(config).nr_pages;
  const u64 fitting = pages_for_nodes(config.geometry, nr_pages, config.nr_nodes);
  if (config.nr_nodes == 1 || fitting == nr_pages) return {};
  return "memory of " + std::to_string(nr_pages) + " pages can't be split into " + std::to_string(config.nr_nodes) +
         " nodes without cutting a hugepage or a PMD of vmemmap: give it " + std::to_string(fitting) + " pages";
}

/// Frames are numbered by 32 bits; half of them leaves room for tables, whatever the geometry.
u64 most_pages(const Geometry& g) { return g.structs_per_page() << 31; }

std::string refuse_memory(const MachineConfig& config) {
  const u64 most = most_pages(config.geometry);
  if (config.memory_pages == 0 || config.memory_pages > most) {
    return "a machine of this geometry has 1 to " + std::to_string(most) + " pages of memory, not " +
           std::to_string(config.memory_pages) + " pages";
  }
  const u64 end = config.vmemmap_base + sizes_of(config).vmemmap_bytes;
  if (!is_aligned(config.vmemmap_base, config.geometry.pmd_size()) || end < config.vmemmap_base) {
    return "the vmemmap starts at a multiple of " + std::to_string(config.geometry.pmd_size()) +
           " bytes and ends below 2^64";
  }
  return {};
}

/// What is wrong with the config, in one line; empty when nothing is.
std::string refuse(const MachineConfig& config) {
  if (config.nr_cpus == 0 || config.nr_cpus > kMaxCpus) {
    return "a machine has 1 to " + std::to_string(kMaxCpus) + " CPUs, not " + std::to_string(config.nr_cpus);
  }
  if (config.design == nullptr) return "a machine has a design";
  if (config.failures.mode != FailurePlan::Mode::none && config.failures.n == 0) {
    return "the number of a failing allocation is at least 1";
  }
  if (std::string why = refuse_memory(config); !why.empty()) return why;
  if (std::string why = refuse_nodes(config); !why.empty()) return why;
  const Geometry& g = config.geometry;
  const u64 alignment = g.vmemmap_size(g.largest_order());
  if (!is_aligned(config.vmemmap_base, alignment)) {
    return "the vmemmap must start at a multiple of the largest folio's struct pages, " +
           std::to_string(alignment >> 10) + " KiB";
  }
  if (self_hosted_pages(config) >= sizes_of(config).nr_pages) {
    return "of " + std::to_string(sizes_of(config).nr_pages) + " pages of memory not all can have been hot-added";
  }
  for (const PoolConfig& pool : config.pools) {
    if (pool.order.v == 0) continue;
    if (!g.huge_sizes().contains(pool.order)) {
      return "this geometry has no hugepages of order " + std::to_string(pool.order.v);
    }
    if (pool.at_boot && g.vmemmap_size(pool.order) % g.pmd_size() != 0) {
      return "hugepages of " + std::to_string(g.folio_bytes(pool.order) >> 10) +
             " KiB can't be made at boot: their struct pages fill no whole PMD";
    }
  }
  return {};
}

/// Where it starts: without its safeguard one PMD too far, so that not every folio's struct pages are aligned (Z20).
u64 vmemmap_base(const MachineConfig& config) {
  const bool is_aligned = config.safeguards.has(Safeguard::vmemmap_alignment);
  return config.vmemmap_base + (is_aligned ? 0 : config.geometry.pmd_size());
}

}  // namespace

u64 self_hosted_pages(const MachineConfig& config) {
  return align_up(config.self_hosted_pages, config.geometry.memory_granule());
}

u64 pages_for_nodes(const Geometry& geometry, u64 pages, u32 nr_nodes) {
  const u64 granule = geometry.memory_granule();
  u64 per_node = (align_up(pages, granule) + nr_nodes - 1) / nr_nodes;
  if (nr_nodes == 1) return per_node;
  // Rounded up, a node may have room for a larger hugepage, and must be rounded up to that: sizes are few.
  for (u64 before = 0; before != per_node;) {
    before = per_node;
    per_node = align_up(per_node, node_granule(geometry, per_node));
  }
  return per_node * nr_nodes;
}

MachineSizes sizes_of(const MachineConfig& config) {
  const Geometry& g = config.geometry;
  MachineSizes s;
  const u64 ptrs = g.ptrs_per_table();
  s.nr_pages = align_up(config.memory_pages, g.memory_granule());
  const u64 nr_vmemmap_pages = s.nr_pages / g.structs_per_page();
  s.nr_pmds = align_up(nr_vmemmap_pages, ptrs) >> g.table_shift;
  s.vmemmap_bytes = s.nr_pages << kStructPageShift;
  const u64 nr_nodes = std::max(1U, config.nr_nodes);
  // Of each node: all that the machine's vmemmap takes, and a PTE page for each PMD. Where memory is short the budget
  // says so, not the number of frames, and a node that helps another needs room for that.
  const u64 used = nr_vmemmap_pages + s.nr_pmds + (align_up(s.nr_pmds, ptrs) >> g.table_shift) + kSpareFrames;
  // Blocks must be aligned whatever stands before them; without blocks there is still room for a batch of heads'
  // copies.
  s.nr_frames = nr_nodes * (g.maps_by_blocks() ? align_up(used, ptrs) + ptrs : used + kFramesOfBatch);
  const u64 per_cpu =
      (kTlbPages + kTlbBlocks) * sizeof(TlbEntry) + 2 * config.nr_cpus * sizeof(Slot) + 2 * g.page_size() + 8192;
  const u64 per_node = 2 * g.page_size() + config.nr_cpus * u64{4096};
  const u64 links = (s.nr_pages >> g.smallest_order().v) * 2 * sizeof(u32);
  s.arena_bytes =
      (u64{4} << 20) + s.nr_pages * 2 + links + s.nr_frames * 17 + config.nr_cpus * per_cpu + (nr_nodes - 1) * per_node;
  return s;
}

std::expected<std::unique_ptr<Machine>, std::string> Machine::create(const MachineConfig& config,
                                                                     const BootWatch& watch) {
  if (std::string why = refuse(config); !why.empty()) return std::unexpected(std::move(why));
  return config.mmu == Mmu::host ? build_on_host(config, watch) : build(config, watch);
}

std::expected<std::unique_ptr<Machine>, std::string> Machine::build(const MachineConfig& config,
                                                                    const BootWatch& watch) {
  const MachineSizes sizes = sizes_of(config);
  auto arena = Arena::create(sizes.arena_bytes);
  if (!arena) return std::unexpected(arena.error());
  auto memory = PhysicalMemory::create(*arena, sizes.nr_frames, config.geometry.page_shift, config.backing);
  if (!memory) return std::unexpected(memory.error());
  std::unique_ptr<Machine> machine(new Machine(config, std::move(*arena), std::move(*memory)));
  if (auto booted = machine->boot(watch); !booted) return std::unexpected(std::move(booted.error()));
  return machine;
}

Machine::Machine(const MachineConfig& config, Arena arena, PhysicalMemory memory)
    : config_(config),
      arena_(std::move(arena)),
      memory_(std::move(memory)),
      diagnostics_(config.nr_cpus),
      budgets_(make_budgets()),
      source_(arena_, allocator_config(config), memory_.frames(), budgets_),
      table_(arena_, config.geometry, memory_.frames(), source_, config.safeguards, vmemmap_base(config),
             sizes_of(config).nr_pages, make_cpus(), config.nr_nodes),
      vmemmap_(arena_, table_, sizes_of(config).nr_pages, config.design->encoding),
      pages_(arena_, vmemmap_, budgets_),
      optimizer_(arena_, *config.design, vmemmap_, memory_.frames(), source_, config.safeguards, config.nr_cpus),
      hugetlb_(arena_, vmemmap_, pages_, optimizer_),
      give_back_(arena_, memory_, allocator_config(config), source_.next().next()) {
  if (config.break_before_make || !config.safeguards.has(Safeguard::arch_replaces_valid))
    table_.forbid_make_without_break(arena_);
  for (Cpu* cpu : cpus_) cpu->set_mmu(&table_, &PageTable::walk_fn);
}

Machine::~Machine() = default;

std::vector<Budget> Machine::make_budgets() {
  std::vector<Budget> budgets;
  budgets.reserve(config_.nr_nodes);
  const u64 per_node = sizes_of(config_).nr_pages / config_.nr_nodes;
  for (u32 n = 0; n < config_.nr_nodes; ++n) budgets.emplace_back(arena_, per_node);
  return budgets;
}

u64 Machine::free_pages(Cpu& cpu) {
  u64 sum = 0;
  for (const Budget& budget : budgets_) sum += budget.free_pages(cpu);
  return sum;
}

std::span<Cpu* const> Machine::make_cpus() {
  cpu_storage_.reserve(config_.nr_cpus);
  const Geometry& g = config_.geometry;
  const MachineSizes sizes = sizes_of(config_);
  for (u32 i = 0; i < config_.nr_cpus; ++i) {
    CpuState& state = arena_.make<CpuState>();
    state.id = i;
    diagnostics_[i].recording = config_.recording;
    const std::span<TlbEntry> pages =
        arena_.make_span<TlbEntry>(tlb_entries(kTlbPages, sizes.vmemmap_bytes >> g.page_shift));
    const std::span<TlbEntry> blocks = arena_.make_span<TlbEntry>(tlb_entries(kTlbBlocks, sizes.nr_pmds));
    for (TlbEntry& e : pages) e = {};
    for (TlbEntry& e : blocks) e = {};
    const Tlb tlb{pages, blocks, g.page_shift, static_cast<u8>(g.page_shift + g.table_shift)};
    cpu_storage_.emplace_back(CpuWiring{.state = &state,
                                        .mailbox = arena_.make_span<Slot>(config_.nr_cpus),
                                        .tlbi = arena_.make_span<Slot>(config_.nr_cpus),
                                        .flush_by = config_.flush_by,
                                        .ll_sc = config_.ll_sc,
                                        .tlb = tlb,
                                        .frames = &memory_.frames(),
                                        .arena = arena_.bytes().data(),
                                        .diagnostics = &diagnostics_[i]});
  }
  for (Cpu& cpu : cpu_storage_) cpus_.push_back(&cpu);
  return cpus_;
}

u64 Machine::state_hash() const { return hash_bytes(memory_.bytes(), hash_bytes(arena_.bytes())); }

u64 Machine::nr_violations() const {
  u64 n = 0;
  for (const Diagnostics& d : diagnostics_) n += d.violations.total();
  return n;
}

}  // namespace hvo
