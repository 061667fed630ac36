// The proof that the ThreadSanitizer job can fail: one CPU optimises and restores a folio, the other looks its tails
// up.
//   tsan_canary relaxed   restored frames are published by a relaxed store: ThreadSanitizer must report it
//   tsan_canary release   the control: nothing may be reported
#include <atomic>
#include <cstdio>
#include <string_view>
#include <thread>

#include "core/machine/machine.h"
#include "core/vmemmap/lookup_check.h"

namespace hvo {
namespace {

constexpr int kRounds = 50;
constexpr int kRestores = 40;

void churn(Machine& m, Cpu& cpu, Pfn folio) {
  for (int i = 0; i < kRestores; ++i) {
    (void)m.optimizer().hugetlb_vmemmap_restore_folio(cpu, folio, Order{9});
    (void)m.optimizer().hugetlb_vmemmap_optimize_folio(cpu, folio, Order{9});
  }
}

/// Looks tails up, through a TLB that forgets, so that each lookup walks.
u64 look(Machine& m, Cpu& cpu, Pfn folio, const std::atomic<bool>& stop) {
  u64 nr_wrong = 0;
  for (u64 i = 0; !stop.load(std::memory_order::relaxed); ++i) {
    cpu.wiring().tlb.flush(0, ~u64{0});
    const auto seen = checked_compound_head<FakeHead>(cpu, m.vmemmap(), folio + (65 + (i % 7) * 64));
    nr_wrong += seen == LookupResult::wrong || seen == LookupResult::nowhere ? 1 : 0;
  }
  return nr_wrong;
}

int round(Safeguards safeguards) {
  MachineConfig config;
  config.safeguards = safeguards;
  config.memory_pages = u64{1} << 15;
  const auto m = std::move(*Machine::create(config));
  Cpu& owner = m->cpu(0);
  owner.run();
  const Pfn folio = *m->hugetlb().alloc_migrate_hugetlb_folio(owner, Order{9});
  (void)page_ref_freeze(m->vmemmap().pages(owner), m->vmemmap().page_of(folio), 1);
  std::atomic<bool> stop{false};
  u64 nr_wrong = 0;
  std::thread reader([&] {
    Cpu& cpu = m->cpu(1);
    cpu.run();
    nr_wrong = look(*m, cpu, folio, stop);
    cpu.idle();
  });
  churn(*m, owner, folio);
  stop.store(true, std::memory_order::relaxed);
  owner.idle();
  reader.join();
  return nr_wrong == 0 && m->nr_violations() == 0 ? 0 : 1;
}

}  // namespace
}  // namespace hvo

int main(int argc, char** argv) {
  const bool relaxed = argc > 1 && std::string_view(argv[1]) == "relaxed";
  hvo::Safeguards safeguards;
  if (relaxed) safeguards = safeguards.without(hvo::Safeguard::release_pte_publish);
  for (int i = 0; i < hvo::kRounds; ++i) {
    if (hvo::round(safeguards) != 0) {
      std::puts("wrong answers or violations");
      return 1;
    }
  }
  std::puts("no race was reported");
  return 0;
}
