#include "bench/stats.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"

namespace hvo::bench {

double quantile(std::vector<double> samples, double q) {
  HVO_CHECK(!samples.empty(), "a quantile of nothing");
  std::ranges::sort(samples);
  const double at = q * static_cast<double>(samples.size() - 1);
  const auto below = static_cast<std::size_t>(std::floor(at));
  const std::size_t above = std::min(below + 1, samples.size() - 1);
  return std::lerp(samples[below], samples[above], at - std::floor(at));
}

Spread spread_of(const std::vector<double>& samples) {
  return {quantile(samples, 0.25), quantile(samples, 0.5), quantile(samples, 0.75), samples.size()};
}

Spread ratio_of(const std::vector<double>& a, const std::vector<double>& b) {
  HVO_CHECK(a.size() == b.size(), "samples of the same rounds come in pairs");
  std::vector<double> ratios(a.size());
  std::ranges::transform(a, b, ratios.begin(), [](double x, double y) { return x / y; });
  return spread_of(ratios);
}

}  // namespace hvo::bench
