// Counter: how many instructions, loads and branches one call takes. From the processor's own counters where the host
// gives them, else from callgrind, which runs the program on a processor of its own.
#pragma once

#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "bench/counts/paths.h"

namespace hvo::bench {

/// All of counted(), and where from.
struct CountResult {
  std::string source;          ///< "perf counters", "callgrind"
  std::vector<Counts> counts;  ///< in the order of counted()
};

/// Counts what the hvo-bench at `program` is built of; with perf counters, what this program is. Error: one line for
/// the user: neither is there.
std::expected<CountResult, std::string> count_all(const std::filesystem::path& program);

/// What callgrind runs: every function of counted(), kCalls times each, after a function that only returns.
int count_worker_main(int argc, char** argv);
inline constexpr u64 kCalls = 1000;

/// Reads callgrind's dumps: one part for each call of the counted function. Error: what is wrong with them.
struct PartTotals {
  u64 instructions = 0;
  u64 loads = 0;
  std::optional<u64> branches;  ///< conditional ones; perf does not tell
};
std::expected<std::vector<PartTotals>, std::string> parse_callgrind(const std::string& text);

/// Counts of a call from totals of kCalls calls and of as many of a function that only returns.
Counts counts_of(const PartTotals& totals, const PartTotals& reference);

}  // namespace hvo::bench
