// A litmus test: small programs for two CPUs, and a table of outcomes; run by plain threads and by fibers.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/support/test_machine.h"

namespace hvo::test {

/// One run: a fresh machine with its programs, and what came out.
class Instance {
 public:
  virtual ~Instance() = default;
  virtual void program(u32 i, Cpu& cpu) = 0;
  virtual std::string outcome() = 0;
  TestMachine& machine() { return machine_; }

 protected:
  TestMachine machine_{2};
};

using MakeInstance = std::function<std::unique_ptr<Instance>()>;

/// The outcomes of `rounds` runs by two threads.
std::set<std::string> run_by_threads(const MakeInstance& make, int rounds);
/// The outcomes of every schedule with at most `preemptions` preemptions.
std::set<std::string> run_by_fibers(const MakeInstance& make, u32 preemptions);

}  // namespace hvo::test
