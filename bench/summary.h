// The summary: what the comparisons say, in one screen, goals met or missed.
#pragma once

#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bench/bookkeeping.h"
#include "bench/environment.h"
#include "bench/stats.h"
#include "bench/suite.h"

namespace hvo::bench {

/// The lookups of one pattern against the baseline `none` over hugepages, or ordinary pages, with HVO off.
struct LookupRow {
  LookupCase lookup;
  Spread none_ns;
  Spread again;                               ///< none-again / none: the noise
  Spread branch_free;                         ///< none-branch-free / none
  Spread fake_head_off;                       ///< fake-head-off / none
  Spread fake_head_on;                        ///< fake-head-on / none
  std::optional<Spread> fake_head_optimized;  ///< fake-head-on over optimised hugepages / none
  Spread shared_tail;                         ///< shared-tail over optimised hugepages, or over ordinary pages / none
};

/// A ratio; with a goal that the project set itself, or without one. Missing a goal is no error.
struct RatioRow {
  std::string name;
  std::string what;             ///< how it is measured
  std::optional<Spread> value;  ///< nothing: the host can't (two threads on one core)
  std::optional<double> goal;
  bool at_most = true;
  /// Of a row of two threads: how much faster than one the host ran two that share nothing, in the same rounds.
  std::optional<double> host_scaling;
  /// A host that was busy with others can't tell what two CPUs could do.
  bool is_judged() const { return goal && value && (!host_scaling || *host_scaling >= kScalingNeeded); }
  /// By the median. False when it is not judged.
  bool is_met() const {
    if (!is_judged()) return false;
    return at_most ? value->median <= *goal : value->median >= *goal;
  }
  static constexpr double kScalingNeeded = 1.8;
};

struct Summary {
  unsigned nr_rounds = 0;
  bool is_partial = false;   ///< an interrupt ended it early
  bool judges = true;        ///< false: too short to say whether a goal is met
  double walks_per_hit = 0;  ///< simulated page-table walks per lookup in the rows "TLB hits"
  double walks_per_miss = 0;
  std::vector<LookupRow> lookups;
  std::vector<RatioRow> rows;
};

/// Measures all of it, or what there is time for before an interrupt. `progress` is told done and total. Error: one
/// line for the user.
std::expected<Summary, std::string> measure_summary(Suite& suite, const std::function<void(u64, u64)>& progress);

/// At most 72 columns.
void print_summary(std::FILE* out, const Summary& summary, const Facts& facts);

}  // namespace hvo::bench
