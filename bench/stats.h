// Median and quartiles: what a handful of timings on a shared machine bears.
#pragma once

#include <vector>

#include "core/base/types.h"

namespace hvo::bench {

/// The middle of some samples and the quartiles round it.
struct Spread {
  double lower = 0;  ///< a quarter of the samples lie below
  double median = 0;
  double upper = 0;  ///< a quarter lie above
  u64 nr_samples = 0;
};

/// The q-quantile (0 … 1) of at least one sample, interpolated between neighbours.
double quantile(std::vector<double> samples, double q);

Spread spread_of(const std::vector<double>& samples);

/// a[i] / b[i], pair by pair: both of one round, so that what slows a round down slows both. Equal lengths.
Spread ratio_of(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace hvo::bench
