// PerfCounters: the processor's own counters for this thread, where the host lets us have them.
#pragma once

#include <array>
#include <optional>
#include <utility>

#include "core/base/types.h"

namespace hvo::bench {

struct PartTotals;

/// Instructions, loads and branches in user space. Many virtual machines have none.
class PerfCounters {
 public:
  /// Nothing when one of the three is refused.
  static std::optional<PerfCounters> open();
  PerfCounters(PerfCounters&& other) noexcept : fds_(std::exchange(other.fds_, {-1, -1, -1})) {}
  PerfCounters& operator=(PerfCounters&&) = delete;
  PerfCounters(const PerfCounters&) = delete;
  PerfCounters& operator=(const PerfCounters&) = delete;
  ~PerfCounters();

  void start();
  PartTotals stop();

 private:
  static constexpr u64 kEvents = 3;
  PerfCounters() = default;
  std::array<int, kEvents> fds_{-1, -1, -1};  ///< the first leads the group
};

}  // namespace hvo::bench
