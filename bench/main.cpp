// hvo-bench: one program, several commands.
#include <array>
#include <cstdio>
#include <string_view>
#include <system_error>

#include "bench/command_line.h"
#include "bench/compare/command.h"
#include "bench/counts/command.h"
#include "bench/exploration/command.h"
#include "bench/operations/command.h"
#include "bench/report/command.h"
#include "bench/savings/command.h"
#include "bench/suite_command.h"
#include "program/signals.h"

namespace hvo::bench {

namespace {

struct Command {
  std::string_view name;
  int (*run)(int argc, char** argv);
};
constexpr std::array kCommands{
    Command{"compare", compare_main},
    Command{"counts", counts_main},
    Command{"exploration", exploration_main},
    Command{"operations", operations_main},
    Command{"report", report_main},
    Command{"savings", savings::savings_main},
    // Not for users: processes that the first two start.
    Command{"compare-worker", compare_worker_main},
    Command{"count-worker", count_worker_main},
};

int run(int argc, char** argv) {
  for (const Command& command : kCommands) {
    if (argc > 1 && command.name == argv[1]) return command.run(argc - 1, argv + 1);
  }
  return suite_main(argc, argv);
}

/// Nothing that goes wrong with the output is lost.
int run_to_the_end(int argc, char** argv) {
  try {
    const int code = run(argc, argv);
    return std::fflush(stdout) == 0 ? code : fail(kResource, "can't write the output");
  } catch (const std::system_error& e) {
    return fail(kResource, e.what());  // {fmt} throws when a disk is full or a pipe was closed
  }
}

}  // namespace

}  // namespace hvo::bench

int main(int argc, char** argv) {
  hvo::install_crash_handlers("hvo-bench", nullptr);
  return hvo::bench::run_to_the_end(argc, argv);
}
