#include "tests/litmus/walker_race.h"

namespace hvo {

namespace {

constexpr u64 kMemoryPages = 128;

MachineConfig machine_config(const WalkerRaceConfig& config) {
  MachineConfig c;
  c.geometry = *find_geometry("tiny");
  c.design = config.design;
  c.memory_pages = kMemoryPages;
  c.flush_by = config.flush_by;
  c.ll_sc = config.ll_sc;
  c.recording = false;
  return c;
}

/// Entering a read section is a place where others may go first. In the machine it is no access, hence no step, and a
/// walker would be in its section from its look at the page on.
struct SteppedPages : CpuPages {
  void rcu_read_lock() const {
    (void)cpu.read_once(key.enabled_word());
    CpuPages::rcu_read_lock();
  }
};

Op op_of(Walker walker) { return walker == Walker::filtered ? Op::pfn_walk_filtered : Op::pfn_walk_unfiltered; }

}  // namespace

WalkerRace::WalkerRace(const WalkerRaceConfig& config)
    : config_(config), machine_(Machine::create(machine_config(config)).value()) {
  // The first page of the first vmemmap page that the design takes away. In `none` the second is looked at.
  const u64 per_page = machine_->config().geometry.structs_per_page();
  page_ = Pfn{config.design->nr_kept_pages() * per_page + (config.walker == Walker::inner ? per_page / 2 : 0)};
  use_page();
  explorer_ = std::make_unique<Explorer>(*machine_);
}

Order WalkerRace::order() const {
  const Geometry& g = machine_->config().geometry;
  // A design that keeps two pages has nothing to win from a folio of two.
  return g.vmemmap_pages(g.huge_order) > config_.design->nr_kept_pages() ? g.huge_order : g.gigantic_order;
}

void WalkerRace::use_page() {
  Cpu& cpu = machine_->cpu(0);
  cpu.run();
  std::vector<Pfn> others;
  for (Pfn got{}; got != page_;) {
    got = machine_->pages().alloc_pages(cpu, Order{0}).value();
    if (got != page_) others.push_back(got);
  }
  for (const Pfn other : others) machine_->pages().put_page(cpu, other, Order{0});
  cpu.idle();
}

void WalkerRace::recycle(Cpu& cpu) {
  has_met_ = false;
  machine_->pages().put_page(cpu, page_, Order{0});
  const auto head = machine_->hugetlb().alloc_migrate_hugetlb_folio(cpu, order());
  has_met_ = head && *head == folio();
}

void WalkerRace::walk(Cpu& cpu) {
  const OpScope scope(cpu, op_of(config_.walker));
  const SteppedPages pages{machine_->vmemmap().pages(cpu)};
  const Page page = machine_->vmemmap().page_of(page_);
  if (config_.walker == Walker::filtered) {
    const bool is_tail = with_encoding(config_.design->encoding, [&]<class E>(E) { return PageTail<E>(pages, page); });
    if (is_tail || pages.refcount(page) == 0) return;
  }
  const auto taken = get_page_unless_zero(*config_.design, pages, page);
  if (taken && *taken) (void)machine_->hugetlb().folio_put(cpu, page_);
}

WalkerRaceResult WalkerRace::explore(u32 preemptions, bool reduced) {
  WalkerRaceResult all;
  const auto at_end = [&](const DepthFirstSchedule& s, const FiberEngine::Result& r) { add(s, r, all); };
  if (reduced) {
    explorer_->explore(bodies(), preemptions, [&] { all = {}; }, at_end);
  } else {
    explorer_->explore_all(bodies(), preemptions, at_end);
  }
  return all;
}

Explorer::Bodies WalkerRace::bodies() {
  return {[this](Cpu& cpu) { recycle(cpu); }, [this](Cpu& cpu) { walk(cpu); }};
}

void WalkerRace::add(const DepthFirstSchedule& schedule, const FiberEngine::Result& result,
                     WalkerRaceResult& all) const {
  ++all.nr_schedules;
  all.nr_met += has_met_ ? 1 : 0;
  all.nr_other += result.deadlock ? 1 : 0;
  bool trapped = false;
  for (const Violation& v : result.violations) {
    const bool is_hole = v.rule == Rule::read_only_store && v.op == op_of(config_.walker) && v.cpu == 1;
    trapped = trapped || is_hole;
    all.nr_other += is_hole ? 0 : 1;
  }
  if (!trapped) return;
  if (all.nr_trapped++ != 0 && schedule.nr_preemptions() >= all.least) return;
  all.least = schedule.nr_preemptions();
  all.witness = schedule.picks();
}

std::vector<Moment> WalkerRace::replay(const std::vector<u32>& picks) { return explorer_->replay(bodies(), picks); }

}  // namespace hvo
