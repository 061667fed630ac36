// zoo_command: `hvo-stress zoo`.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "stress/zoo/tour.h"

namespace hvo::stress {

/// The words of `zoo`, as typed.
struct ZooWords {
  std::vector<std::string> names, detectors;
  std::string budget, seeds, limit, tsan, pairs, seed, json, markdown;
  bool canaries = false, list = false, quiet = false;
};
void add_zoo_options(CLI::App& app, ZooWords& words);

/// "90", "90s", "10m", "2h" in seconds. Error: one line.
std::expected<double, std::string> read_duration(const std::string& option, const std::string& text, double otherwise);
/// Error: one line that says what is wrong and what is known; exit code 2.
std::expected<TourPlan, std::string> to_plan(const ZooWords& words);
/// The ThreadSanitizer build beside the build folder of `own`; empty: it is not there.
std::filesystem::path tsan_beside(const std::filesystem::path& own);

/// Of a tour: 1 for a false alarm (of canaries also one that was not caught), 3 where something could not be run, 7 for
/// a row that nothing caught or for which there was no time, 130 interrupted, else 0.
int exit_code(const Tour& tour, bool canaries);

/// The exit code. `command`: what was typed.
int zoo_command(const ZooWords& words, const std::string& command);

}  // namespace hvo::stress
