// The proof that ThreadSanitizer sees through fibers: every schedule of a restore against one lookup, on one thread.
//   fiber_canary relaxed   restored frames are published by a relaxed store: ThreadSanitizer must report it
//   fiber_canary release   the control: nothing may be reported
#include <cstdio>
#include <string_view>

#include "core/machine/machine.h"
#include "core/vmemmap/lookup_check.h"
#include "tests/litmus/fiber_engine.h"

namespace hvo {
namespace {

constexpr Order kOrder{4};

MachineConfig config(bool relaxed) {
  MachineConfig c;
  c.geometry = *find_geometry("tiny");
  c.memory_pages = 64;
  if (relaxed) c.safeguards = c.safeguards.without(Safeguard::release_pte_publish);
  return c;
}

/// An optimised folio that nobody holds.
Pfn make_folio(Machine& m) {
  Cpu& cpu = m.cpu(0);
  cpu.run();
  const Pfn head = m.pages().alloc_frozen_pages(cpu, kOrder).value();
  (void)m.vmemmap().prep_compound_page(cpu, head, kOrder);
  (void)m.optimizer().hugetlb_vmemmap_optimize_folio(cpu, head, kOrder);
  cpu.idle();
  return head;
}

u64 explore(bool relaxed) {
  u64 nr_schedules = 0;
  DepthFirstSchedule schedule(2);
  do {
    const auto m = Machine::create(config(relaxed)).value();
    const Pfn folio = make_folio(*m);
    FiberEngine engine;
    engine.run(m->cpus(),
               {[&](Cpu& cpu) { (void)m->optimizer().hugetlb_vmemmap_restore_folio(cpu, folio, kOrder); },
                [&](Cpu& cpu) { (void)checked_compound_head<FakeHead>(cpu, m->vmemmap(), folio + 12); }},
               schedule, false);
    ++nr_schedules;
  } while (schedule.next());
  return nr_schedules;
}

}  // namespace
}  // namespace hvo

int main(int argc, char** argv) {
  const bool relaxed = argc > 1 && std::string_view(argv[1]) == "relaxed";
  std::printf("%llu schedules, no race reported\n", static_cast<unsigned long long>(hvo::explore(relaxed)));
  return 0;
}
