// What a machine keeps beside the modelled frames, in bytes.
#pragma once

#include <expected>
#include <string>

#include "core/base/types.h"

namespace hvo::bench {

struct Bookkeeping {
  u64 vmemmap_bytes = 0;  ///< what is modelled
  u64 arena_bytes = 0;    ///< everything in the arena, as if all of it had been touched
  u64 touched_bytes = 0;  ///< of that, what the host has really given memory for
  u64 outside_bytes = 0;  ///< counters and flight recorders, outside the arena

  double carved_share() const {
    return static_cast<double>(arena_bytes + outside_bytes) / static_cast<double>(vmemmap_bytes);
  }
  double touched_share() const {
    return static_cast<double>(touched_bytes + outside_bytes) / static_cast<double>(vmemmap_bytes);
  }
};

/// Boots a machine of `gib` GiB and fills one half with optimised hugepages, the other with compounds of 32 KiB, so
/// that both forms of the truth are in use. Error: one line for the user.
std::expected<Bookkeeping, std::string> measure_bookkeeping(u64 gib);

}  // namespace hvo::bench
