// Exploration: how fast the exploring engine of hvo-stress is.
//
// stress and bench see nothing of each other, so the program itself is run: a process a sample, one worker each, always
// the same schedules. Rates are by the CPU time of the whole process, its start included, for on a shared host the
// clock counts the time of others too; those by the clock stand beside them.
#pragma once

#include <array>
#include <expected>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/stats.h"

namespace hvo::bench {

/// What is explored, two CPUs on the tiny geometry, and how.
struct Drive {
  std::string_view scenario;  ///< as hvo-stress names it
  std::string_view strategy;  ///< likewise
  std::string_view memory;
  u64 nr_schedules = 0;  ///< of each process
  bool checkpoints = true;
  std::optional<double> schedules_goal = {};  ///< a second of CPU time, at least
  std::optional<double> steps_goal = {};

  std::string name() const;
};
/// Depth first, the first of many schedules, without reduction, so that none is left out; and random walks. Steps have
/// their goal where schedules are long: in short ones a good part of the time goes into putting the machine back.
inline constexpr std::array kDrives{
    Drive{"restore+lookup", "dfs:8", "sc", 300'000, true, 300e3},
    Drive{"restore+lookup", "dfs:8", "sc", 200'000, false},
    Drive{"restore+lookup", "random:64", "sc", 200'000},
    Drive{"alloc+free", "random:64", "sc", 40'000, true, {}, 10e6},
    Drive{"restore+lookup", "dfs:8", "weak", 50'000},
    Drive{"restore+lookup", "random:64", "weak", 50'000},
};

/// What one process did.
struct Explored {
  double nr_schedules = 0;
  double nr_steps = 0;     ///< that it took, without those that came from checkpoints
  double seconds = 0;      ///< by the clock, as it says itself: without its start
  double cpu_seconds = 0;  ///< all of it
};
/// Reads what hvo-stress wrote as JSON. Error: to be read after "hvo-stress".
std::expected<Explored, std::string> parse_explored(std::string_view json, double cpu_seconds);

/// Per second. At least one sample.
enum class Clock : u8 { cpu, wall };
Spread schedules_rate(const std::vector<Explored>& samples, Clock clock);
Spread steps_rate(const std::vector<Explored>& samples, Clock clock);
/// By the median.
bool is_met(const Spread& rate, double goal);

/// The hvo-stress that was built or installed together with this program. Error: one line for the user.
std::expected<std::filesystem::path, std::string> find_hvo_stress(const std::filesystem::path& own);

struct Exploration {
  unsigned divisor = 1;  ///< of the number of schedules
  /// Of each drive; an interrupt may leave some with one less.
  std::array<std::vector<Explored>, kDrives.size()> samples;
};

/// Interleaved rounds; each begins with another drive. `progress` is told done and total. An interrupt ends them early.
/// Error: one line for the user.
std::expected<Exploration, std::string> measure_exploration(const std::filesystem::path& program, unsigned nr_rounds,
                                                            unsigned divisor,
                                                            const std::function<void(u64, u64)>& progress);

}  // namespace hvo::bench
