// live: what can be said about a round while it runs.
#pragma once

#include <array>
#include <atomic>

#include "stress/grading.h"

namespace hvo::stress {

/// Of what is only watched, and orders nothing.
inline constexpr auto kUnordered = std::memory_order::relaxed;

/// What one CPU has told so far in its round. Written by it between tasks;
/// read at any time: relaxed, for a status line needs no order.
struct alignas(64) LiveCpu {
  std::atomic<u64> nr_lookups{0};
  std::atomic<u64> interesting{0};
  std::atomic<u64> known_hole{0};
  std::atomic<u64> forbidden{0};

  void publish(const EventCounts& counts, const Outcomes& outcomes);
};

/// A run so far, for people. Numbers of different CPUs are not of one moment.
struct LiveNumbers {
  u64 nr_ops = 0;
  u64 nr_lookups = 0;
  u64 nr_optimized = 0;  ///< folios, now
  u64 frames_saved = 0;  ///< vmemmap frames, now
  u64 interesting = 0;
  u64 known_hole = 0;
  u64 forbidden = 0;
};

}  // namespace hvo::stress
