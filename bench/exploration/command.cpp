#include "bench/exploration/command.h"

#include <fmt/format.h>

#include "bench/command_line.h"
#include "bench/exploration/print.h"
#include "program/child.h"
#include "program/progress_line.h"
#include "program/signals.h"

namespace hvo::bench {

int exploration_main(int argc, char** argv) {
  bool quick = false;
  u64 rounds = 15;
  std::string path;
  CLI::App app("How many schedules and steps a second the exploring engine takes: hvo-stress is run, one core");
  app.name("hvo-bench exploration");
  app.footer("Ctrl-C: what was measured is printed and written. A missed goal is no failure.\n" +
             std::string(kExitCodes));
  app.add_flag("--quick", quick, "few schedules and rounds: seconds, and no goal is judged");
  app.add_option("--rounds", rounds, "rounds that run every strategy in turn (default 15)")->type_name("N");
  app.add_option("--json", path, "also write medians and quartiles to this file")->type_name("FILE");
  if (const auto code = parse(app, argc, argv)) return *code;
  if (rounds < 3 || rounds > 1001) return fail(kUsage, "--rounds must be 3 to 1001");
  install_interrupt_handlers();
  const auto program = find_hvo_stress(own_program());
  if (!program) return fail(kResource, program.error());
  OutputFiles files;
  std::string content;
  if (const auto code = open_result(files, path, content)) return *code;

  constexpr unsigned kQuickRounds = 3;
  constexpr unsigned kQuickDivisor = 20;
  ProgressLine line("hvo-bench");
  const auto all =
      measure_exploration(*program, quick ? kQuickRounds : static_cast<unsigned>(rounds), quick ? kQuickDivisor : 1,
                          [&line](u64 done, u64 of) { line.show(fmt::format("{} of {} processes", done, of)); });
  line.clear();
  if (!all) return fail(kResource, all.error());
  const std::string meaningless = why_times_mean_nothing();
  const bool judges = !quick && meaningless.empty();
  content = exploration_json(*all, environment(), judges);
  const auto unwritten = write_result(files);
  if (!meaningless.empty()) fmt::print("Times mean nothing: {}\n", meaningless);
  fmt::print("{}", exploration_text(*all, judges));
  if (!judges) fmt::print("\nno goal was judged\n");
  if (is_interrupted()) fmt::print("\ninterrupted: the rest was not measured\n");
  if (unwritten) return *unwritten;
  return is_interrupted() ? kInterrupted : kPass;
}

}  // namespace hvo::bench
