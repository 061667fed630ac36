#include "stress/explore/engine/strategy_spec.h"

#include <fmt/format.h>

#include <array>

#include "core/base/check.h"
#include "stress/numbers.h"

namespace hvo::stress {

namespace {

struct KindInfo {
  std::string_view name;
  StrategySpec::Kind kind;
  u32 least, most, usual;  ///< of n; most 0: takes none
};
constexpr std::array kKinds{
    KindInfo{"random", StrategySpec::Kind::random, 1, 1'000'000, 8},
    KindInfo{"urw", StrategySpec::Kind::urw, 0, 0, 0},
    KindInfo{"pct", StrategySpec::Kind::pct, 1, PctStrategy::kMostDepth, 3},
    KindInfo{"dfs", StrategySpec::Kind::dfs, 0, 16, 2},
    KindInfo{"portfolio", StrategySpec::Kind::portfolio, 0, 0, 0},
};

}  // namespace

std::expected<StrategySpec, std::string> parse_strategy(const std::string& text) {
  const auto colon = text.find(':');
  const std::string name = text.substr(0, colon);
  for (const KindInfo& k : kKinds) {
    if (name != k.name) continue;
    if (colon == std::string::npos) return StrategySpec{k.kind, k.usual};
    const auto n = whole_number(std::string_view(text).substr(colon + 1));
    if (k.most == 0) return std::unexpected(fmt::format("--strategy {} takes no number, not '{}'", k.name, text));
    if (n && *n >= k.least && *n <= k.most) return StrategySpec{k.kind, static_cast<u32>(*n)};
    return std::unexpected(fmt::format("--strategy {}:N takes {} to {}, not '{}'", k.name, k.least, k.most, text));
  }
  return std::unexpected(
      fmt::format("--strategy takes random[:N], urw, pct[:DEPTH], dfs[:PREEMPTIONS] or portfolio, not '{}'", text));
}

std::string strategy_text(const StrategySpec& spec) {
  for (const KindInfo& k : kKinds) {
    if (k.kind == spec.kind) return k.most == 0 ? std::string(k.name) : fmt::format("{}:{}", k.name, spec.n);
  }
  return "?";
}

std::unique_ptr<Strategy> make_random_strategy(const StrategySpec& spec, const Indices& indices,
                                               const Baseline& baseline) {
  switch (spec.kind) {
    case StrategySpec::Kind::random: return std::make_unique<RandomWalk>(indices, spec.n);
    case StrategySpec::Kind::urw: return std::make_unique<UniformRandomWalk>(indices, baseline);
    case StrategySpec::Kind::pct: return std::make_unique<PctStrategy>(indices, spec.n, baseline);
    case StrategySpec::Kind::dfs:
    case StrategySpec::Kind::portfolio: break;
  }
  check_failed("spec.kind", "this strategy draws no lots");
}

}  // namespace hvo::stress
