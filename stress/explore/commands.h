// commands: `hvo-stress explore` and `hvo-stress replay`.
#pragma once

#include "stress/explore/options.h"

namespace hvo::stress {

/// The exit code. `command`: what was typed before the options.
int explore_command(const ExploreWords& words, const std::string& command);

struct ReplayWords {
  std::string file, trace, json;
  bool check_determinism = false, as_litmus = false;
};
void add_replay_options(CLI::App& app, ReplayWords& words);
int replay_command(const ReplayWords& words);

}  // namespace hvo::stress
