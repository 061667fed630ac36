// Statistics of a comparison: what some processes' ratios say, and how sure that is.
//
// The unit is the process: repetitions inside one share its placement in memory and its neighbours, so they are no
// independent evidence and enter as one median. Ratios are taken as logarithms, for a ratio and its inverse are equally
// far from 1. The estimate is a mean with a fifth trimmed off each end, since a neighbour's burst makes a process lie
// without limit; the interval is its percentile bootstrap over processes. On recorded ratios this covers what it says
// for a dozen processes; a bootstrap-t covers 98 %, and untrimmed means less than 90 %, for the tails are heavy. Its
// coverage and power are tested on recordings (tests/bench/compare/statistics_test.cpp).
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "core/base/types.h"

namespace hvo::bench {

/// A ratio and its interval of 95 %.
struct Interval {
  double ratio = 1;
  double lower = 1;
  double upper = 1;
  u64 nr_processes = 0;
  /// The farthest that the interval reaches from 1, as a share: 0.02 for [0.99, 1.02].
  double reach() const;
};

/// The fewest processes that an interval is given for.
inline constexpr u64 kFewestProcesses = 5;

/// Of at least kFewestProcesses positive ratios. The same for the same ratios.
Interval interval_of(std::span<const double> ratios);

/// The ratio of two independent sets of ratios: a machine's against another's, a commit's against another's.
Interval interval_of_change(std::span<const double> after, std::span<const double> before);

enum class Verdict : u8 {
  cheaper,
  same,  ///< within ±x
  dearer,
  cannot_tell,  ///< noise floor y
};
std::string_view verdict_name(Verdict verdict);

/// What is called the same at most: a difference of 3 %.
inline constexpr double kSame = 0.03;
/// A difference too small to be called one, however sure it is: 1 %.
inline constexpr double kNegligible = 0.01;

struct Judgement {
  Verdict verdict = Verdict::cannot_tell;
  double within = 0;  ///< same: the farthest that interval or noise reach
  double noise = 0;   ///< the floor: how far two copies of the baseline lie apart at most
};

/// Judges `ratio` by the interval of two copies of the baseline: a difference counts only when its interval leaves 1
/// out and the estimate is beyond the noise; "same" only when neither interval nor noise leave kSame.
Judgement judge(const Interval& ratio, const Interval& baseline_again);

}  // namespace hvo::bench
