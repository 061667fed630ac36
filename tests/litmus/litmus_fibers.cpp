#include "tests/litmus/fiber_engine.h"
#include "tests/litmus/litmus.h"

namespace hvo::test {

std::set<std::string> run_by_fibers(const MakeInstance& make, u32 preemptions) {
  std::set<std::string> outcomes;
  DepthFirstSchedule schedule(preemptions);
  do {
    const auto instance = make();
    FiberEngine engine;
    const auto result = engine.run(
        instance->machine().all(),
        {[&](Cpu& cpu) { instance->program(0, cpu); }, [&](Cpu& cpu) { instance->program(1, cpu); }}, schedule, false);
    outcomes.insert(result.deadlock ? "deadlock" : instance->outcome());
  } while (schedule.next());
  return outcomes;
}

}  // namespace hvo::test
