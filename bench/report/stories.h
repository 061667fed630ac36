// Stories: how a known hole opens, as two columns of steps, short enough for a mail.
#pragma once

#include <span>
#include <string_view>

namespace hvo::bench {

/// One step: of the walker, or of the CPU that optimises. One of the two is empty.
struct StoryStep {
  std::string_view walker;
  std::string_view optimizer;
};
struct Story {
  std::string_view title;
  std::span<const StoryStep> steps;
};

/// The story of a hole that hvo-stress names by its operation, in a design; nullptr when there is none to tell.
const Story* find_story(std::string_view design, std::string_view operation);

}  // namespace hvo::bench
