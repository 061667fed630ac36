#include "bench/report/stories.h"

#include <array>

namespace hvo::bench {

namespace {

constexpr std::array kNoRaceSteps{
    StoryStep{"", "maps tails to the head's frame, RO"},
    StoryStep{"", "hands the folio out: count 1"},
    StoryStep{"reads a fake head's count: 1, the head's", ""},
    StoryStep{"compare-exchange on it: traps", ""},
};
constexpr Story kNoRace{"no race: a fake head shows the head's count", kNoRaceSteps};

constexpr std::array kRaceSteps{
    StoryStep{"sees a page in use, no tail", ""},           StoryStep{"reads its count: not 0", ""},
    StoryStep{"", "the page is freed, part of a hugepage"}, StoryStep{"", "the folio is optimised: it is RO"},
    StoryStep{"compare-exchange on the count: traps", ""},
};
constexpr Story kRace{"between count and compare-exchange", kRaceSteps};

constexpr std::array kOrderSteps{
    StoryStep{"", "grace period is over, the remap to come"}, StoryStep{"RCU section; sees no fake head", ""},
    StoryStep{"", "remaps, flushes, hands the folio out"},    StoryStep{"reads the count: 1, the head's", ""},
    StoryStep{"compare-exchange on it: traps", ""},
};
constexpr Story kOrder{"the check before the count", kOrderSteps};

}  // namespace

const Story* find_story(std::string_view design, std::string_view operation) {
  const bool filtered = operation == "filtered pfn walk";
  if (!filtered && operation != "unfiltered pfn walk") return nullptr;
  if (design == "fake-head" || design == "fake-head-copy") return filtered ? &kRace : &kNoRace;
  if (design == "fake-head-rcu") return &kOrder;
  return design == "two-frame" || design == "shared-tail" ? &kRace : nullptr;
}

}  // namespace hvo::bench
