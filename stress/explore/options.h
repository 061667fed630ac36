// ExploreOptions: all that makes an exploration what it is, and the command line that repeats it.
#pragma once

#include <CLI/CLI.hpp>

#include "stress/command_line.h"
#include "stress/explore/search/search.h"
#include "stress/explore/subjects/small_ops.h"

namespace hvo::stress {

inline constexpr std::string_view kDefaultSubject = "restore+lookup";

/// The words of `explore`, as typed.
struct ExploreWords {
  ExploreWords() { run.geometry = kExploredGeometry; }
  RunWords run;  ///< of the machine
  std::string subject{kDefaultSubject};
  std::string strategy, budget, schedules, index, workers, memory, evict, fail, ops, max_steps, find;
  std::string json, save, resume;
  bool check_determinism = false, no_reduction = false, no_checkpoints = false, no_shrink = false, keep_going = false,
       bisect = false, pairs = false, quiet = false;
};

void add_explore_options(CLI::App& app, ExploreWords& words);

struct ExploreOptions {
  /// That make the program: as typed, or changed by with_program(). Who changes fields alone can't shrink.
  ExploreWords words;
  std::string subject;                    ///< as named
  std::vector<const SmallOp*> small_ops;  ///< one a CPU; empty: a scenario
  const Scenario* scenario = nullptr;     ///< null: small operations
  u32 nr_ops = 1;                         ///< of the scenario's actors, per CPU
  MachineConfig machine;
  std::string machine_words;  ///< its options, without what is the default
  SearchOptions search;
  bool shrinks = true;
  bool is_bisecting = false;
  bool is_quiet = false;
  std::string command = "hvo-stress explore";  ///< what was typed before the options
};

/// Error: one line that says what is wrong and what is known; exit code 2.
std::expected<ExploreOptions, std::string> to_explore_options(const ExploreWords& words, const std::string& command);
/// The same search on the program of other words. Error as above.
std::expected<ExploreOptions, std::string> with_program(const ExploreOptions& options, const ExploreWords& words);

/// Makes what is explored, as often as it is called.
MakeSubject subject_maker(const ExploreOptions& options);
/// The options of the program that is explored, not of the search: these words make the same one again.
std::string program_words(const ExploreOptions& options);
/// The shell command that searches the same again.
std::string command_of(const ExploreOptions& options);

}  // namespace hvo::stress
