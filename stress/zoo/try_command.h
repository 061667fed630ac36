// try_command: `hvo-stress try NAME`: what who invents the next design runs first.
//
// The design, a row of kDesigns, beside its nearest neighbour: every scenario for a moment, every pair of small
// operations explored, and the bugs of the zoo that it can have planted in it. Each is a process of its own. What a
// lookup costs and what is saved is hvo-bench's to say: ./hvo try runs it after this.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace hvo::stress {

struct TryWords {
  std::string design, against, seconds;
  bool quiet = false;
};
void add_try_options(CLI::App& app, TryWords& words);
/// The exit code: that of the worst verdict of the design itself; the neighbour's is there to compare with.
int try_command(const TryWords& words);

}  // namespace hvo::stress
