#include "tests/litmus/litmus.h"

namespace hvo::test {

std::set<std::string> run_by_threads(const MakeInstance& make, int rounds) {
  std::set<std::string> outcomes;
  for (int round = 0; round < rounds; ++round) {
    const auto instance = make();
    std::atomic<int> ready{0};
    auto act = [&](u32 i) {
      Cpu& cpu = instance->machine().cpu(i);
      cpu.run();
      ready.fetch_add(1);
      while (ready.load() != 2) std::this_thread::yield();
      instance->program(i, cpu);
      cpu.idle();
    };
    std::thread other(act, 1U);
    act(0);
    other.join();
    outcomes.insert(instance->outcome());
  }
  return outcomes;
}

}  // namespace hvo::test
