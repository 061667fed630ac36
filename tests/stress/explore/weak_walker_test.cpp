// The acquire of fake-head-acquire, on the whole machine: a walker that reads the count without it stores to a tail
// that is mapped read-only, where a flush is broadcast and memory is weak, and nowhere else. WEAK_MEMORY.md says how.
#include <gtest/gtest.h>

#include "core/machine/machine.h"
#include "core/vmemmap/encoding.h"
#include "core/vmemmap/page_ref.h"
#include "tests/stress/explore/every_choice.h"
#include "tests/stress/explore/explorer.h"

namespace hvo::test {
namespace {

/// A walker's view of struct pages: entering a read section is a place where others may run, and the acquire can be
/// left out.
struct WalkerPages : CpuPages {
  bool acquires;
  WalkerPages(const CpuPages& pages, bool with_acquire) : CpuPages(pages), acquires(with_acquire) {}
  u32 refcount_acquire(Page p) const { return acquires ? CpuPages::refcount_acquire(p) : CpuPages::refcount(p); }
  void rcu_read_lock() const {
    (void)cpu.read_once(key.enabled_word());
    CpuPages::rcu_read_lock();
  }
};

/// On CPU 0 a page in use is freed, becomes a tail of an optimised hugepage, and that is handed out. On CPU 1 a walker
/// tries to take a reference on it.
class WalkerUnderWeakMemory {
 public:
  struct Result {
    u64 nr_runs = 0;
    u64 nr_traps = 0;
    u64 nr_other = 0;
  };
  enum class Count : u8 { acquired, relaxed };
  WalkerUnderWeakMemory(FlushBy by, Count count, bool is_filtered)
      : acquires_(count == Count::acquired), is_filtered_(is_filtered) {
    MachineConfig config;
    config.geometry = *find_geometry("tiny");
    config.design = find_design("fake-head-acquire");
    config.memory_pages = 128;
    config.flush_by = by;
    config.recording = false;
    machine_ = Machine::create(config).value();
    page_ = Pfn{config.design->nr_kept_pages() * config.geometry.structs_per_page()};
    use_page();
  }

  /// Until all is done, or the first trap.
  Result explore(EveryChoice& choices) {
    Explorer explorer(*machine_, {.weak = true});
    Result all;
    while (all.nr_traps == 0 && choices.begin()) {
      const Ended ended = explorer.run({[this](Cpu& c) { recycle(c); }, [this](Cpu& c) { walk(c); }}, choices);
      ++all.nr_runs;
      all.nr_other += ended.is_stuck() ? 1 : 0;
      for (const Violation& v : ended.violations) {
        const bool is_trap = v.rule == Rule::read_only_store && v.cpu == 1;
        (is_trap ? all.nr_traps : all.nr_other) += 1;
      }
    }
    return all;
  }

 private:
  void use_page() {
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
  void recycle(Cpu& cpu) {
    machine_->pages().put_page(cpu, page_, Order{0});
    (void)machine_->hugetlb().alloc_migrate_hugetlb_folio(cpu, machine_->config().geometry.huge_order);
  }
  void walk(Cpu& cpu) {
    const WalkerPages pages(machine_->vmemmap().pages(cpu), acquires_);
    const Page page = machine_->vmemmap().page_of(page_);
    // First that the page is no tail and has a count, if it does.
    if (is_filtered_ && (PageTail<FakeHead>(pages, page) || pages.refcount(page) == 0)) return;
    const auto taken = page_ref_add_unless<WalkerGuard::rcu_acquire, FakeHead>(pages, page, 1, 0);
    if (taken && *taken) (void)machine_->hugetlb().folio_put(cpu, page_);
  }

  bool acquires_;
  bool is_filtered_;
  std::unique_ptr<Machine> machine_;
  Pfn page_;
};

using Count = WalkerUnderWeakMemory::Count;

/// Every schedule with one preemption, every choice.
WalkerUnderWeakMemory::Result explore(FlushBy by, Count count, bool is_filtered, bool only_newest = false) {
  WalkerUnderWeakMemory race(by, count, is_filtered);
  EveryChoice choices(1);
  if (only_newest) choices.choose_only_newest();
  const auto result = race.explore(choices);
  EXPECT_EQ(result.nr_other, 0);
  return result;
}

class WeakWalker : public testing::TestWithParam<bool> {};

TEST_P(WeakWalker, WithoutTheAcquireATailIsStoredToWhereFlushesAreBroadcast) {
  EXPECT_NE(explore(FlushBy::broadcast, Count::relaxed, GetParam()).nr_traps, 0);
}

TEST_P(WeakWalker, WithoutTheAcquireNoTailIsStoredToWhereFlushesInterrupt) {
  const auto result = explore(FlushBy::ipi, Count::relaxed, GetParam());
  EXPECT_EQ(result.nr_traps, 0);
  EXPECT_GT(result.nr_runs, 200) << "many schedules, and more choices";
}

TEST_P(WeakWalker, WithTheAcquireNoTailIsStoredTo) {
  for (const FlushBy by : {FlushBy::ipi, FlushBy::broadcast}) {
    EXPECT_EQ(explore(by, Count::acquired, GetParam()).nr_traps, 0);
  }
}

TEST_P(WeakWalker, WithSequentialConsistencyTheAcquireIsNotMissed) {
  for (const FlushBy by : {FlushBy::ipi, FlushBy::broadcast}) {
    EXPECT_EQ(explore(by, Count::relaxed, GetParam(), true).nr_traps, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Walkers, WeakWalker, testing::Bool(),
                         [](const auto& walker) { return walker.param ? "Filtered" : "Unfiltered"; });

}  // namespace
}  // namespace hvo::test
