// command_line: what the user typed, checked.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "stress/run_options.h"

namespace hvo::stress {

/// The words of `run`, as typed.
struct RunWords {
  std::string scenario{kDefaultScenario}, design{kDefaultDesign}, geometry = "x86-64";
  std::string cpus, nodes, threads, seconds, ops, rounds, seed, memory, pool, fail_alloc, flush, perturb, hang_timeout,
      plant, hot_added, mmu;
  std::string json, ktap, junit;
  std::vector<std::string> without;
  bool stop_at_first = false, swarm = false, quiet = false, ll_sc = false, at_boot = false, break_before_make = false;
};

/// Options of the machine and its troubles, which several commands have.
void add_machine_options(CLI::App& app, RunWords& words);
void add_run_options(CLI::App& app, RunWords& words);
/// Error: one line that says what is wrong and what is known; exit code 2.
/// `command`: what was typed before the options.
std::expected<RunOptions, std::string> to_options(const RunWords& words, const std::string& command);
/// A geometry by name. Error: one line.
std::expected<const Geometry*, std::string> geometry_of(const std::string& text);

/// Read `text` into `to`, if anything was said. Error: one line.
std::expected<void, std::string> read_positive(const std::string& option, const std::string& text, double most,
                                               double& to);
std::expected<void, std::string> read_count(const std::string& option, const std::string& text, u64 least, u64 most,
                                            u64& to);

}  // namespace hvo::stress
