// What exploration answers about the walkers of each design: the data that the test holds every run against.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "core/base/types.h"

namespace hvo::test {

/// Preemptions that a walker needs to store to a read-only tail; nullopt: it never does.
using Least = std::optional<u32>;

struct WalkerAnswer {
  std::string_view design;
  std::string_view walker;  ///< a small operation
  Least plain;              ///< a compare-exchange that fails is a store to the page all the same
  Least ll_sc;              ///< it is not
};

/// The way of a flush, ipi or broadcast, changes none of them.
inline constexpr std::array kWalkerAnswers{
    WalkerAnswer{"none", "walker", {}, {}},
    WalkerAnswer{"none", "filtered", {}, {}},
    WalkerAnswer{"none", "inner", {}, {}},
    WalkerAnswer{"two-frame", "walker", 1, {}},
    WalkerAnswer{"two-frame", "filtered", 1, {}},
    WalkerAnswer{"two-frame", "inner", 1, {}},
    WalkerAnswer{"fake-head", "walker", 0, 0},
    WalkerAnswer{"fake-head", "filtered", 1, 1},
    WalkerAnswer{"fake-head", "inner", 1, {}},
    WalkerAnswer{"fake-head-copy", "walker", 0, 0},
    WalkerAnswer{"fake-head-copy", "filtered", 1, 1},
    WalkerAnswer{"fake-head-copy", "inner", 1, {}},
    WalkerAnswer{"fake-head-rcu", "walker", 2, 2},
    WalkerAnswer{"fake-head-rcu", "filtered", 2, 2},
    WalkerAnswer{"fake-head-rcu", "inner", {}, {}},
    WalkerAnswer{"fake-head-acquire", "walker", {}, {}},
    WalkerAnswer{"fake-head-acquire", "filtered", {}, {}},
    WalkerAnswer{"fake-head-acquire", "inner", {}, {}},
    WalkerAnswer{"shared-tail", "walker", 1, {}},
    WalkerAnswer{"shared-tail", "filtered", 1, {}},
    WalkerAnswer{"shared-tail", "inner", 1, {}},
};

}  // namespace hvo::test
