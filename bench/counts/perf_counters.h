// PerfCounters: the processor's own counters for this thread, where the host lets us have them.
#pragma once

#include <array>
#include <optional>
#include <utility>

#include "core/base/types.h"

namespace hvo::bench {

struct PartTotals;

/// Instructions and loads in user space; conditional branches by themselves have no event that every processor knows.
/// Many virtual machines have no counters.
class PerfCounters {
 public:
  /// Nothing when one of them is refused.
  static std::optional<PerfCounters> open();
  PerfCounters(PerfCounters&& other) noexcept : fds_(std::exchange(other.fds_, {-1, -1})) {}
  PerfCounters& operator=(PerfCounters&&) = delete;
  PerfCounters(const PerfCounters&) = delete;
  PerfCounters& operator=(const PerfCounters&) = delete;
  ~PerfCounters();

  void start();
  /// Nothing when the counters did not run all the time.
  std::optional<PartTotals> stop();

 private:
  static constexpr u64 kEvents = 2;
  PerfCounters() = default;
  std::array<int, kEvents> fds_{-1, -1};  ///< the first leads the group
};

}  // namespace hvo::bench
