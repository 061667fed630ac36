#include "tests/litmus/litmus.h"
#include "tests/stress/explore/bodies.h"

namespace hvo::test {

std::set<std::string> run_by_fibers(const MakeInstance& make, u32 preemptions) {
  std::set<std::string> outcomes;
  stress::DepthFirst strategy(preemptions);
  while (strategy.begin()) {
    const auto instance = make();
    stress::ExploringEngine engine(instance->machine().all(), {});
    Bodies program({[&](Cpu& cpu) { instance->program(0, cpu); }, [&](Cpu& cpu) { instance->program(1, cpu); }});
    const stress::End end = engine.run(program, strategy);
    outcomes.insert(end == stress::End::deadlock ? "deadlock" : instance->outcome());
  }
  return outcomes;
}

}  // namespace hvo::test
