// Driver: runs the processes of a comparison, one after the other, each with another placement, until the time is up.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>

#include "bench/compare/recording.h"

namespace hvo::bench {

struct Plan {
  Extent extent = Extent::all;
  std::chrono::seconds budget{300};
  u64 seed = 1;
  bool plant = false;
  std::vector<std::string> designs;     ///< of compared_designs()
  std::vector<std::string> placements;  ///< paths of shared objects; empty: the program's own kernels only
};

/// How far it is: processes done, and seconds since the start.
using CompareProgress = std::function<void(u64 nr_processes, std::chrono::duration<double> passed)>;

/// Runs processes until the budget would be passed by the next one, but kFewestProcesses of each design at least
/// (CompareSchedule). An interrupt ends it early, with what there is, and so does a process that fails once there are
/// enough; it is said on stderr. Error: one line for the user: a process failed.
std::expected<Recording, std::string> run_plan(const Plan& plan, const CompareProgress& progress);

/// Shared objects of kernels in a folder, sorted; none when there is no such folder.
std::vector<std::string> placements_in(const std::filesystem::path& folder);
/// Those that belong to this program: beside it in kernels/, or where they are installed.
std::vector<std::string> find_placements();

/// The worker's command line, and the job that such a line means. Error: what is wrong with it.
std::vector<std::string> worker_arguments(const Job& job);
std::expected<Job, std::string> job_from(const std::vector<std::string>& arguments);

}  // namespace hvo::bench
