// What exploration answers about the walkers of each design: the data that the test holds every run against.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "tests/litmus/walker_race.h"

namespace hvo {

/// Preemptions that a walker needs to store to a read-only tail; nullopt: it never does.
using Least = std::optional<u32>;

struct WalkerAnswer {
  std::string_view design;
  Walker walker{};
  Least plain;  ///< a compare-exchange that fails is a store to the page all the same
  Least ll_sc;  ///< it is not
};

/// The way of a flush, ipi or broadcast, changes none of them.
inline constexpr std::array kWalkerAnswers{
    WalkerAnswer{"none", Walker::unfiltered, {}, {}},
    WalkerAnswer{"none", Walker::filtered, {}, {}},
    WalkerAnswer{"none", Walker::inner, {}, {}},
    WalkerAnswer{"two-frame", Walker::unfiltered, 1, {}},
    WalkerAnswer{"two-frame", Walker::filtered, 1, {}},
    WalkerAnswer{"two-frame", Walker::inner, 1, {}},
    WalkerAnswer{"fake-head", Walker::unfiltered, 0, 0},
    WalkerAnswer{"fake-head", Walker::filtered, 1, 1},
    WalkerAnswer{"fake-head", Walker::inner, 1, {}},
    WalkerAnswer{"fake-head-copy", Walker::unfiltered, 0, 0},
    WalkerAnswer{"fake-head-copy", Walker::filtered, 1, 1},
    WalkerAnswer{"fake-head-copy", Walker::inner, 1, {}},
    WalkerAnswer{"fake-head-rcu", Walker::unfiltered, 2, 2},
    WalkerAnswer{"fake-head-rcu", Walker::filtered, 2, 2},
    WalkerAnswer{"fake-head-rcu", Walker::inner, {}, {}},
    WalkerAnswer{"fake-head-acquire", Walker::unfiltered, {}, {}},
    WalkerAnswer{"fake-head-acquire", Walker::filtered, {}, {}},
    WalkerAnswer{"fake-head-acquire", Walker::inner, {}, {}},
    WalkerAnswer{"shared-tail", Walker::unfiltered, 1, {}},
    WalkerAnswer{"shared-tail", Walker::filtered, 1, {}},
    WalkerAnswer{"shared-tail", Walker::inner, 1, {}},
};

}  // namespace hvo
