// sample_run: options and a result to start from, as a clean run would leave them.
#pragma once

#include "stress/command_line.h"
#include "stress/result.h"

namespace hvo::stress {

inline RunOptions sample_options(const std::string& scenario = "lookup_vs_restore",
                                 const std::string& design = "fake-head") {
  RunWords words;
  words.scenario = scenario;
  words.design = design;
  words.seed = "7";
  words.cpus = "2";
  words.threads = "2";
  return to_options(words, "hvo-stress run").value();
}

/// Every window hit once.
inline RunResult sample_result(const RunOptions& options) {
  RunResult r;
  r.nr_ops = 1000;
  r.nr_rounds = 3;
  r.seconds = 1.5;
  r.outcomes.count[static_cast<unsigned>(Key::right)] = 900;
  for (const Window& w : options.scenario->windows) r.events[w.event] = 1;
  return r;
}

}  // namespace hvo::stress
