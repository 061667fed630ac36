#include "bench/bookkeeping.h"

#include "bench/host_memory.h"
#include "core/machine/machine.h"

namespace hvo::bench {

std::expected<Bookkeeping, std::string> measure_bookkeeping(u64 gib) {
  MachineConfig config;
  config.design = find_design("fake-head");
  config.memory_pages = gib << 18;
  config.pools[0] = {.order = Order{9}, .nr_huge_pages = (config.memory_pages >> 9) / 2};
  auto machine = Machine::create(config);
  if (!machine) return std::unexpected(machine.error());
  Machine& m = **machine;
  Cpu& cpu = m.cpu(0);
  cpu.run();
  while (m.pages().alloc_pages(cpu, Order{3})) {
  }
  cpu.idle();
  return Bookkeeping{.vmemmap_bytes = sizes_of(config).vmemmap_bytes,
                     .arena_bytes = m.arena().used_bytes(),
                     .touched_bytes = resident_bytes(m.arena().bytes()),
                     .outside_bytes = m.nr_cpus() * sizeof(Diagnostics)};
}

}  // namespace hvo::bench
