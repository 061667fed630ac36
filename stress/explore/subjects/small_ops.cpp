#include "stress/explore/subjects/small_ops.h"

#include <algorithm>
#include <array>
#include <vector>

#include "core/pgtable/dump.h"
#include "stress/explore/engine/quiet.h"
#include "stress/scenarios/readers.h"

namespace hvo::stress {

namespace {

constexpr u64 kMemoryPages = 256;

void lookup(const SmallOpCall& c) {
  const LookupResult result = look_up(c.cpu, c.machine, c.folio);
  // What was seen is the subject's own, and no part of what the CPUs share.
  const Quiet quiet;
  c.seen.add(key_of(result));
}
void relookup(const SmallOpCall& c) {
  lookup(c);
  lookup(c);
}
void walker(const SmallOpCall& c) { walk_one(c.cpu, c.machine, c.folio); }
void filtered(const SmallOpCall& c) { filtered_walk_one(c.cpu, c.machine, c.folio); }
void optimise(const SmallOpCall& c) {
  (void)c.machine.optimizer().hugetlb_vmemmap_optimize_folio(c.cpu, c.folio, c.order);
}
void restore(const SmallOpCall& c) {
  (void)c.machine.optimizer().hugetlb_vmemmap_restore_folio(c.cpu, c.folio, c.order);
}
void split(const SmallOpCall& c) {
  PageTable& table = c.machine.page_table();
  const auto lock =
      c.machine.design().split == SplitMode::exclusive ? SplitLock::mmap_write : SplitLock::page_table_lock;
  const WalkGuard guard(c.cpu, table.init_mm(), lock);
  (void)table.vmemmap_split_pmd(c.cpu, c.machine.vmemmap().page_of(c.folio).va, SplitFlush::now, lock);
}
void demote(const SmallOpCall& c) {
  (void)c.machine.hugetlb().demote_pool_huge_pages(c.cpu, c.machine.config().geometry.gigantic_order, 1);
}
void dissolve(const SmallOpCall& c) { (void)c.machine.hugetlb().dissolve_free_hugetlb_folio(c.cpu, c.folio); }
void poison(const SmallOpCall& c) { (void)c.machine.hugetlb().memory_failure(c.cpu, c.folio); }
void dump(const SmallOpCall& c) {
  PageTable& table = c.machine.page_table();
  const u64 pmd = align_down(c.machine.vmemmap().page_of(c.folio).va, table.geometry().pmd_size());
  std::vector<DumpRow> rows;
  ptdump(c.cpu, table, pmd, pmd + table.geometry().pmd_size(), rows);
}
void alloc(const SmallOpCall& c) { (void)c.machine.hugetlb().alloc_migrate_hugetlb_folio(c.cpu, c.order); }
void gigantic(const SmallOpCall& c) {
  (void)c.machine.hugetlb().alloc_migrate_hugetlb_folio(c.cpu, c.machine.config().geometry.gigantic_order);
}
void free(const SmallOpCall& c) { (void)c.machine.hugetlb().folio_put(c.cpu, c.folio); }
void recycle(const SmallOpCall& c) {
  c.machine.pages().put_page(c.cpu, c.folio, Order{0});
  alloc(c);
}

constexpr std::array kSmallOps{
    SmallOp{"lookup", "compound_head() of a page that can be a fake head, without a reference", Stage::reader, lookup},
    SmallOp{"relookup", "the same twice: the second time with what the CPU has translated before", Stage::reader,
            relookup},
    SmallOp{"walker", "get_page_unless_zero() on such a page, unseen", Stage::reader, walker},
    SmallOp{"filtered", "the same, by a walker that first looks and leaves tails out", Stage::reader, filtered},
    SmallOp{"inner", "as walker, of a page in the middle of a vmemmap page: no fake head", Stage::reader, walker, false,
            true},
    SmallOp{"optimise", "hugetlb_vmemmap_optimize_folio()", Stage::unoptimized, optimise},
    SmallOp{"restore", "hugetlb_vmemmap_restore_folio()", Stage::optimized, restore},
    SmallOp{"split", "vmemmap_split_pmd() of a PMD that maps a folio", Stage::unoptimized, split},
    SmallOp{"demote", "a gigantic folio of the pool is demoted", Stage::pooled, demote, true},
    SmallOp{"dissolve", "a gigantic folio of the pool is dissolved: its pages are wanted back", Stage::pooled, dissolve,
            true},
    SmallOp{"poison", "a memory error in such a page", Stage::reader, poison},
    SmallOp{.name = "dump",
            .what = "ptdump() of the PMD that maps such a page",
            .stage = Stage::reader,
            .act = dump,
            .holds_heap = true},
    SmallOp{"alloc", "a fresh hugepage is allocated, and optimised", Stage::nothing, alloc, true},
    SmallOp{"gigantic", "as alloc, of a gigantic page: of several PMDs, so that it can fail midway (--fail 1)",
            Stage::nothing, gigantic, true},
    SmallOp{"free", "the last reference of a hugepage is put: restored, given back", Stage::in_use, free, true},
    SmallOp{"recycle", "a page is put, and becomes a tail of a fresh hugepage", Stage::page_in_use, recycle, true},
};

class SmallSubject final : public Subject {
 public:
  SmallSubject(std::unique_ptr<Machine> machine, std::span<const SmallOp* const> ops)
      : Subject(std::move(machine)), ops_(ops.begin(), ops.end()), folios_(ops.size()) {}

  /// Error: the machine has no room for all of them.
  std::expected<void, std::string> set_up();
  void act(Cpu& cpu) override;
  bool can_keep() const override { return std::ranges::none_of(ops_, &SmallOp::holds_heap); }

 private:
  Order order() const;
  std::expected<Pfn, Errno> stage(Cpu& cpu, Stage stage);
  std::expected<Pfn, Errno> make_folio(Cpu& cpu, bool optimized);
  std::expected<Pfn, Errno> use_page(Cpu& cpu);
  Pfn pooled_folio();
  Pfn next_fresh_folio(Cpu& cpu);
  void aim_readers(Cpu& cpu);
  /// The page of a folio that readers look at: the first of the first vmemmap page that the design takes away, or one
  /// in the middle.
  Pfn watched_page_of(Pfn folio) const;

  std::vector<const SmallOp*> ops_;
  std::vector<Pfn> folios_;  ///< of each operation: its folio, or the page that it reads
};

Order SmallSubject::order() const {
  const Geometry& g = machine().config().geometry;
  // A design that keeps two pages has nothing to win from a folio of two.
  return g.vmemmap_pages(g.huge_order) > machine().design().nr_kept_pages() ? g.huge_order : g.gigantic_order;
}

Pfn SmallSubject::watched_page_of(Pfn folio) const {
  // Without HVO nothing is taken away; then it is the page where others would begin to.
  const Geometry& g = machine().config().geometry;
  const u64 kept = machine().design().optimizes() ? machine().design().nr_kept_pages() : 1;
  const u64 nth = std::ranges::any_of(ops_, &SmallOp::is_inner) ? g.structs_per_page() / 2 : 0;
  return folio + (kept * g.structs_per_page() + nth);
}

std::expected<Pfn, Errno> SmallSubject::make_folio(Cpu& cpu, bool optimized) {
  Machine& m = machine();
  m.optimizer().set_enabled(cpu, optimized);
  const auto head = m.hugetlb().alloc_migrate_hugetlb_folio(cpu, order());
  m.optimizer().set_enabled(cpu, true);
  return head;
}

/// Takes pages until it has one that readers look at, and gives the others back: the block is free but for it.
std::expected<Pfn, Errno> SmallSubject::use_page(Cpu& cpu) {
  Machine& m = machine();
  std::vector<Pfn> others;
  std::expected<Pfn, Errno> found = std::unexpected(Errno::enomem);
  for (;;) {
    const auto got = m.pages().alloc_pages(cpu, Order{0});
    if (!got) break;
    if (*got == watched_page_of(align_down(*got, order()))) {
      found = *got;
      break;
    }
    others.push_back(*got);
  }
  for (const Pfn other : others) m.pages().put_page(cpu, other, Order{0});
  return found;
}

Pfn SmallSubject::pooled_folio() {
  Machine& m = machine();
  const Order gigantic = m.config().geometry.gigantic_order;
  const Truth truth = m.vmemmap().truth();
  for (Pfn pfn{0}; pfn.v + gigantic.nr_pages() <= m.vmemmap().nr_pages(); pfn = pfn + gigantic.nr_pages()) {
    if (truth.order_in(Truth::read(truth.block_of(pfn)), pfn) == gigantic) return pfn;
  }
  return kNoPfn;
}

std::expected<Pfn, Errno> SmallSubject::stage(Cpu& cpu, Stage stage) {
  Machine& m = machine();
  switch (stage) {
    case Stage::nothing:
    case Stage::reader: return kNoPfn;
    case Stage::pooled: return pooled_folio();
    case Stage::page_in_use: return use_page(cpu);
    case Stage::in_use: return make_folio(cpu, true);
    case Stage::optimized:
    case Stage::unoptimized: {
      const auto head = make_folio(cpu, stage == Stage::optimized);
      if (head) (void)page_ref_freeze(m.vmemmap().pages(cpu), m.vmemmap().page_of(*head), 1);
      return head;
    }
  }
  __builtin_unreachable();
}

/// Where the next fresh folio will come to lie: tried out, and undone.
Pfn SmallSubject::next_fresh_folio(Cpu& cpu) {
  cpu.idle();
  Snapshot before(machine());
  cpu.run();
  const auto head = make_folio(cpu, true);
  cpu.idle();
  before.all_is_dirty();
  before.restore();
  cpu.run();
  return head.value_or(Pfn{0});
}

void SmallSubject::aim_readers(Cpu& cpu) {
  const auto is_reader = [](const SmallOp* op) { return op->stage == Stage::reader; };
  const auto writer = std::ranges::find_if_not(ops_, is_reader);
  Pfn target{};
  if (writer == ops_.end()) {
    target = watched_page_of(*make_folio(cpu, true));
  } else {
    const Pfn folio = folios_[static_cast<std::size_t>(writer - ops_.begin())];
    target = (*writer)->stage == Stage::page_in_use ? folio
             : (*writer)->stage == Stage::nothing   ? watched_page_of(next_fresh_folio(cpu))
                                                    : watched_page_of(folio);
  }
  for (std::size_t i = 0; i < ops_.size(); ++i) {
    if (is_reader(ops_[i])) folios_[i] = target;
  }
}

std::expected<void, std::string> SmallSubject::set_up() {
  Cpu& cpu = machine().cpu(0);
  cpu.run();
  // Folios first, so that a page in use does not break up their blocks.
  for (const bool pages : {false, true}) {
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      if ((ops_[i]->stage == Stage::page_in_use) != pages) continue;
      const auto made = stage(cpu, ops_[i]->stage);
      if (!made) return std::unexpected("no room in the machine for what the operations need");
      folios_[i] = *made;
    }
  }
  aim_readers(cpu);
  cpu.idle();
  // What they were asked for meanwhile is answered before a schedule begins.
  for (Cpu* each : machine().cpus()) {
    each->run();
    each->idle();
  }
  begin_here();
  return {};
}

void SmallSubject::act(Cpu& cpu) {
  ops_[cpu.id()]->act(
      {.cpu = cpu, .machine = machine(), .seen = seen(cpu.id()), .folio = folios_[cpu.id()], .order = order()});
}

}  // namespace

std::span<const SmallOp> small_ops() { return kSmallOps; }

const SmallOp* find_small_op(std::string_view name) {
  const auto found = std::ranges::find(kSmallOps, name, &SmallOp::name);
  return found == kSmallOps.end() ? nullptr : &*found;
}

std::expected<std::unique_ptr<Subject>, std::string> make_small_subject(MachineConfig config,
                                                                        std::span<const SmallOp* const> ops) {
  config.nr_cpus = static_cast<u32>(ops.size());
  config.memory_pages = kMemoryPages;
  config.recording = false;
  const auto is_pooled = [](const SmallOp* op) { return op->stage == Stage::pooled; };
  config.pools = {};
  config.pools[0] = {.order = config.geometry.gigantic_order,
                     .nr_huge_pages = static_cast<u64>(std::ranges::count_if(ops, is_pooled))};
  auto machine = Machine::create(config);
  if (!machine) return std::unexpected(machine.error());
  auto subject = std::make_unique<SmallSubject>(std::move(*machine), ops);
  if (const auto done = subject->set_up(); !done) return std::unexpected(done.error());
  return subject;
}

}  // namespace hvo::stress
