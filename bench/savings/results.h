// results: all pools that were built, and what they say beside each other.
#pragma once

#include <optional>
#include <vector>

#include "bench/savings/build.h"

namespace hvo::bench::savings {

/// One design: what was counted and kept in memory is the same in every round (the last one's is shown), times are
/// medians.
struct Row {
  Built built{};
  unsigned nr_rounds = 0;
  std::optional<double> pool_ratio{};   ///< of the pool's time to the baseline's, median of the rounds' ratios
  std::optional<double> total_ratio{};  ///< the same of boot and pool together
  /// Boot and pool again, with one boot time for all: the median of every boot of the run. A boot is the same work
  /// under every design, takes longest, and depends most on what the host does meanwhile.
  std::optional<double> steady_ratio{};
};

/// What one design gives back beyond another, in bytes of the pools that were built.
struct Claim {
  u64 expected = 0;  ///< by arithmetic (core/hvo/savings.h)
  u64 counted = 0;   ///< frames that back struct pages
  u64 measured = 0;  ///< memory that the host keeps for frames
};

struct Results {
  Plan plan{};
  std::vector<Row> rows{};
  bool is_interrupted = false;

  const Row* find(std::string_view design) const;
  /// The seed's claim; nothing unless both designs were built.
  std::optional<Claim> claim() const;
  u64 nr_violations() const;
};

/// `rounds`: each is what was built in it, the baseline first; the last may be cut short. Rows are those of the plan
/// that were built at all.
Results summarise(const Plan& plan, const std::vector<std::vector<Built>>& rounds);

/// The seed's two designs: the one that kept two frames, and the one that keeps one.
inline constexpr std::string_view kClaimFrom = "two-frame";
inline constexpr std::string_view kClaimTo = "fake-head";

}  // namespace hvo::bench::savings
