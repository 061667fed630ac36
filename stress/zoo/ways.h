// ways: the ways in which a bug is hunted, and what each runs for a row of the catalogue.
#pragma once

#include <array>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "stress/zoo/exhibits.h"
#include "stress/zoo/program_words.h"

namespace hvo::stress {

enum class Way : u8 {
  explore_sc,    ///< hvo-stress explore, sequential consistency
  explore_weak,  ///< hvo-stress explore, weak memory
  run,           ///< hvo-stress run, the simulated MMU
  host,          ///< hvo-stress run, the vmemmap mapped by the host's MMU
  tsan,          ///< the ThreadSanitizer build, its reports of data races alone
};
inline constexpr unsigned kNrWays = 5;
inline constexpr std::array<Way, kNrWays> kWays{Way::explore_sc, Way::explore_weak, Way::run, Way::host, Way::tsan};
/// As --detectors takes it.
std::string_view way_name(Way way);
std::optional<Way> find_way(std::string_view name);

/// The bug in place, or the same program without it.
enum class Planted : u8 { yes, no };

/// What is run: "explore" or "run" and its options, without seed, length and files.
/// Error: why this way can't show the row, in a few words: n/a.
std::expected<Words, std::string> program_of(const Exhibit& exhibit, Way way, Planted planted);

/// The bug's program under another design, as far as its options allow. Error: why not.
std::expected<Words, std::string> program_under(const Exhibit& exhibit, Way way, Planted planted,
                                                std::string_view design);

}  // namespace hvo::stress
