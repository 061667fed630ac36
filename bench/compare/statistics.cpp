#include "bench/compare/statistics.h"

#include <algorithm>
#include <boost/math/statistics/univariate_statistics.hpp>
#include <cmath>

#include "bench/stats.h"
#include "core/base/check.h"
#include "core/base/rng.h"

namespace hvo::bench {

namespace {

constexpr double kTrimmed = 0.2;  ///< of the processes, at each end
constexpr double kLevel = 0.95;
constexpr unsigned kResamples = 1999;

double trimmed_mean(std::vector<double> x) {
  std::ranges::sort(x);
  const auto cut = static_cast<std::ptrdiff_t>(kTrimmed * static_cast<double>(x.size()));
  return boost::math::statistics::mean(x.begin() + cut, x.end() - cut);
}

std::vector<double> logarithms(std::span<const double> ratios) {
  std::vector<double> x(ratios.size());
  std::ranges::transform(ratios, x.begin(), [](double r) { return std::log(r); });
  return x;
}

std::vector<double> resample(const std::vector<double>& x, Rng& rng) {
  std::vector<double> y(x.size());
  for (double& v : y) v = x[rng.below(x.size())];
  return y;
}

/// exp of the interval of the difference of two means, or of one.
Interval from_logs(const std::vector<double>& a, const std::vector<double>& b) {
  const bool two = !b.empty();
  auto difference = [two](const std::vector<double>& x, const std::vector<double>& y) {
    return trimmed_mean(x) - (two ? trimmed_mean(y) : 0);
  };
  Rng rng = Rng::seeded(a.size(), b.size());
  std::vector<double> resampled;
  for (unsigned i = 0; i < kResamples; ++i) {
    const std::vector<double> x = resample(a, rng);
    resampled.push_back(difference(x, two ? resample(b, rng) : b));
  }
  return {.ratio = std::exp(difference(a, b)),
          .lower = std::exp(quantile(resampled, (1 - kLevel) / 2)),
          .upper = std::exp(quantile(resampled, (1 + kLevel) / 2)),
          .nr_processes = two ? std::min(a.size(), b.size()) : a.size()};
}

}  // namespace

double Interval::reach() const { return std::max(upper, 1 / lower) - 1; }

Interval interval_of(std::span<const double> ratios) {
  HVO_CHECK(ratios.size() >= kFewestProcesses, "too few processes for an interval");
  return from_logs(logarithms(ratios), {});
}

Interval interval_of_change(std::span<const double> after, std::span<const double> before) {
  HVO_CHECK(after.size() >= kFewestProcesses && before.size() >= kFewestProcesses, "too few processes for an interval");
  return from_logs(logarithms(after), logarithms(before));
}

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::cheaper: return "cheaper";
    case Verdict::same: return "same";
    case Verdict::dearer: return "dearer";
    case Verdict::cannot_tell: return "cannot tell";
  }
  return "?";
}

Judgement judge(const Interval& ratio, const Interval& baseline_again) {
  Judgement judgement{.verdict = Verdict::cannot_tell, .within = ratio.reach(), .noise = baseline_again.reach()};
  const double farthest = std::max(judgement.within, judgement.noise);
  const bool dearer = ratio.lower > 1 && ratio.ratio - 1 > judgement.noise;
  const bool cheaper = ratio.upper < 1 && 1 / ratio.ratio - 1 > judgement.noise;
  if (farthest <= kNegligible || (farthest <= kSame && !dearer && !cheaper)) {
    judgement.verdict = Verdict::same;
  } else if (dearer) {
    judgement.verdict = Verdict::dearer;
  } else if (cheaper) {
    judgement.verdict = Verdict::cheaper;
  }
  return judgement;
}

}  // namespace hvo::bench
