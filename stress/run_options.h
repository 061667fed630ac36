// RunOptions: all that makes a run what it is, and the command line that repeats it.
#pragma once

#include "stress/pools.h"
#include "stress/scenario.h"

namespace hvo::stress {

/// A defect of the run itself, for the tests of hvo-stress.
enum class Plant : u8 {
  none,
  hang,  ///< the last CPU waits, with a lock held, for a flush that nobody asked it for
};

/// Which rounds delay their CPUs.
enum class Perturb : u8 { never, some, always };
constexpr std::string_view perturb_name(Perturb p) {
  return p == Perturb::never ? "never" : p == Perturb::some ? "some" : "always";
}

inline constexpr std::string_view kDefaultScenario = "mixed";
inline constexpr std::string_view kDefaultDesign = "fake-head";
inline constexpr std::string_view kExploredGeometry = "tiny";  ///< the default of explore

struct RunOptions {
  const Scenario* scenario = nullptr;
  MachineConfig machine;
  std::vector<PoolRequest> pools;  ///< as asked for; empty: the scenario's
  u64 memory_mib = 0;              ///< as asked for; 0: what pools and scenario need
  u64 hot_added_mib = 0;           ///< beyond that: added later, with its struct pages in itself
  u32 nr_threads = 2;
  /// The run ends when any limit that is not 0 is reached; at least one is set.
  double seconds = 10;
  u64 nr_ops = 0;  ///< of all CPUs together
  u64 nr_rounds = 0;
  u64 seed = 1;
  bool stops_at_first = false;  ///< the first forbidden outcome ends the run
  bool swarm = false;
  Perturb perturb = Perturb::some;
  double hang_timeout = 20;  ///< seconds in which each CPU must finish an operation
  bool is_quiet = false;
  std::string note;  ///< what was made of the options, where that is not what was typed; empty: nothing
  Plant plant = Plant::none;
  std::string command = "hvo-stress run";  ///< what was typed before the options, for the shell

  /// Round `nth` of a run is what the first round of a run with this seed is.
  u64 seed_of_round(u64 nth) const { return seed + nth; }
};

/// The failures that a scenario has when nothing else is asked for.
FailurePlan default_failures(const Scenario& scenario);
/// "none", or as --fail-alloc takes it.
std::string failures_text(const FailurePlan& plan);
/// The names of the safeguards that are missing, as --without takes them; empty: all are in place.
std::string removed_text(const Safeguards& safeguards);

/// A word as a shell takes it.
std::string quoted(std::string_view word);
/// Host threads when nothing else is asked for: the smaller of CPUs and cores.
u32 default_threads(u32 nr_cpus);

/// The shell command that runs the same again on this host, or one round of it, without what is the default.
/// Interleavings of threads are not in the seed: a rare outcome may need many tries.
std::string command_of(const RunOptions& options);
/// Without the length and the seed.
std::string command_of_machine(const RunOptions& options);
/// Of it what follows the scenario, each with a blank before it. `geometry`: the one that need not be named.
std::string machine_words(const RunOptions& options, std::string_view geometry);
std::string command_of_round(const RunOptions& options, u64 nth);
/// "./hvo stress" → "./hvo explore": another command of the same program.
std::string sibling_command(const std::string& command, std::string_view name);
/// The shell command that explores the scenario with the seed of that round, on the tiny machine unless another one
/// than the default, or pools, were asked for: there every step is decided, and what is found can be replayed.
std::string command_of_exploration(const RunOptions& options, u64 nth);

}  // namespace hvo::stress
