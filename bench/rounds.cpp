#include "bench/rounds.h"

#include <algorithm>

#include "core/base/check.h"
#include "program/signals.h"

namespace hvo::bench {

const std::vector<double>& Samples::of(std::string_view name) const {
  const auto found = std::ranges::find(arms, name, [](const Arm* arm) -> std::string_view { return arm->name; });
  HVO_CHECK(found != arms.end(), "an arm that was not among those compared");
  return ns[static_cast<std::size_t>(found - arms.begin())];
}

Samples run_rounds(const std::vector<const Arm*>& arms, unsigned nr_rounds) {
  Samples samples{arms, std::vector<std::vector<double>>(arms.size())};
  const std::size_t n = arms.size();
  for (unsigned round = 0; round <= nr_rounds; ++round) {
    if (round > 1 && is_interrupted()) break;  // there is a sample of each
    for (std::size_t k = 0; k < n; ++k) {
      const std::size_t i = (round + (round % 2 == 0 ? k : n - k)) % n;
      const double ns = arms[i]->run(arms[i]->batch) / static_cast<double>(arms[i]->batch);
      if (round != 0) samples.ns[i].push_back(ns);
    }
  }
  return samples;
}

}  // namespace hvo::bench
