// StrategySpec: a strategy as the user names it.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "stress/explore/engine/strategies.h"

namespace hvo::stress {

struct StrategySpec {
  enum class Kind : u8 { random, urw, pct, dfs, portfolio };
  Kind kind = Kind::portfolio;
  u32 n = 0;  ///< random: switches at one turn in so many; pct: depth; dfs: preemptions
  friend bool operator==(const StrategySpec&, const StrategySpec&) = default;
};

/// "random", "random:8", "urw", "pct:3", "dfs:2", "portfolio". Error: one line.
std::expected<StrategySpec, std::string> parse_strategy(const std::string& text);
std::string strategy_text(const StrategySpec& spec);

/// One that draws lots: not dfs, not portfolio.
std::unique_ptr<Strategy> make_random_strategy(const StrategySpec& spec, const Indices& indices,
                                               const Baseline& baseline);

}  // namespace hvo::stress
