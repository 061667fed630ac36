// ExploredPair: what hvo-stress explore --json says of two small operations under every interleaving, and how a known
// hole opens there, as two columns of steps, short enough for a mail.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace hvo::bench {

using ExploredPair = nlohmann::ordered_json;

/// "12 schedules of a+b, all with up to 2 preemptions: FOUND", then each outcome in it that must not be.
std::string explored_text(const ExploredPair& explored);

/// The exploration in which the hole that is about this operation was met; nullptr: none of them.
const ExploredPair* find_hole(std::span<const ExploredPair> explored, std::string_view operation);
/// In how many schedules. The one that was found counts, though its pass was broken off.
std::uint64_t times_met(const ExploredPair& explored, std::string_view operation);

/// The schedule that was found is one of this hole, and nothing that must not be.
bool tells_of(const ExploredPair& explored, std::string_view operation);
/// The steps that matter of the schedule that was found, of what shrinking has left of the operations, as lines of at
/// most 72 columns in plain ASCII; empty: none was.
std::string story_text(const ExploredPair& explored);

}  // namespace hvo::bench
