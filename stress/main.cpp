// hvo-stress: the command line.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "core/hvo/design_names.h"
#include "core/machine/host_mmu.h"
#include "program/exit_codes.h"
#include "program/output_files.h"
#include "program/signals.h"
#include "program/usage.h"
#include "stress/command_line.h"
#include "stress/crash_report.h"
#include "stress/dump.h"
#include "stress/explore/commands.h"
#include "stress/host/memory.h"
#include "stress/host/report.h"
#include "stress/output.h"
#include "stress/parallel/engine.h"
#include "stress/report/designs.h"
#include "stress/report/machine_readable.h"
#include "stress/report/text.h"
#include "stress/show.h"
#include "stress/verdict.h"
#include "stress/version.h"
#include "stress/zoo/try_command.h"
#include "stress/zoo/zoo_command.h"

namespace {

using namespace hvo;          // the program's own
using namespace hvo::stress;  // likewise

constexpr const char* kFooter =
    "Ctrl-C ends a run with its results, a second one at once. Vacuous: a window that the scenario is\n"
    "about was never hit.\n";

/// Prints the report and writes the files, each whatever becomes of the others.
int deliver(const RunOptions& options, const RunResult& result, OutputFiles& files) {
  std::vector<std::string> failed;
  if (!say(report_text(options, result, is_colour_terminal()))) failed.emplace_back("can't write the report");
  for (std::string& why : files.write_all()) failed.push_back(std::move(why));
  for (const std::string& why : failed) fail(kResource, why);
  const int code = exit_code(verdict_of(options, result));
  // A bug that was found is not made to look like a full disk.
  return failed.empty() || code == kViolation || code == kHang ? code : kResource;
}

/// What the user typed: ./hvo says what stands for it.
std::string typed_command(const char* program, const char* command) {
  const char* const front_door = std::getenv("HVO_TYPED");
  return front_door != nullptr && *front_door != '\0' ? front_door : quoted(program) + " " + command;
}

/// The whole of it, to stand beside results.
std::string typed_line(int argc, char** argv) {
  std::string line = typed_command(argv[0], argv[1]);
  for (int i = 2; i < argc; ++i) line += " " + stress::quoted(argv[i]);
  return line;
}

int run_command(const RunWords& words, const std::string& command) {
  const auto options = to_options(words, command);
  if (!options) return fail(kUsage, options.error());
  if (const auto possible = check_host_mmu(options->machine); !possible) return fail(kResource, possible.error());
  if (const auto fits = check_host_memory(options->machine, host_memory_available()); !fits) {
    return fail(kResource, fits.error());
  }
  RunResult result;
  OutputFiles files;
  install_interrupt_handlers();
  const std::pair<const std::string&, std::string (*)(const RunOptions&, const RunResult&)> outputs[] = {
      {words.json, json_text}, {words.ktap, ktap_text}, {words.junit, junit_text}};
  for (const auto& [path, text] : outputs) {
    const auto opened = files.open(path, [&options, &result, make = text] { return make(*options, result); });
    if (!opened) return fail(opened.error().is_usage ? kUsage : kResource, opened.error().why);
  }
  install_crash_report(command_of_machine(*options), options->seed);
  say(fmt::format("seed {}\nrepeat: {}\n", options->seed, command_of(*options)));
  if (!options->note.empty()) say(wrapped("note: " + options->note, 0));
  StatusLine status(options->is_quiet ? StatusLine::Form::none : StatusLine::form_for_stderr());
  auto ran = run(*options, status);
  status.clear();
  if (!ran) return fail(kResource, ran.error());
  result = std::move(*ran);
  const int code = deliver(*options, result, files);
  if (result.is_hung) _exit(code);  // threads of the run are stuck for good
  return code;
}

std::string list_text() {
  std::string s = "scenarios\n";
  for (const Scenario& x : scenarios()) s += fmt::format("  {:<22} {}\n", x.name, x.what);
  s += "\ndesigns\n";
  for (const Design& d : kDesigns) s += fmt::format("  {:<22} kernels {}\n", d.name, d.kernels);
  s += "\ngeometries\n";
  for (const Geometry& g : kGeometries) s += fmt::format("  {:<22} {}\n", g.name, g.what);
  s += "\nsafeguards, for --without\n";
  for (const SafeguardInfo& x : kSafeguards) s += fmt::format("  {:<22} {:<4} {}\n", x.name, x.bug, x.what);
  return s;
}

/// The words of `dump`, as typed.
struct DumpWords {
  std::vector<std::string> designs{"fake-head", "shared-tail"};
  std::string geometry = "x86-64";
  std::string nr = "2";
};

void add_dump_options(CLI::App& app, DumpWords& w) {
  app.add_option("--design", w.designs, "one or two, as for run (default fake-head,shared-tail)")
      ->type_name("NAME[,NAME]")
      ->delimiter(',');
  app.add_option("--geometry", w.geometry, "page and hugepage sizes (default x86-64)")->type_name("NAME");
  app.add_option("--nr", w.nr, "hugepages of the default size (default 2)")->type_name("N");
}

int dump_command(const DumpWords& w) {
  if (w.designs.size() > 2) return fail(kUsage, "dump shows one design, or two side by side");
  const auto left = design_of(w.designs.front());
  if (!left) return fail(kUsage, left.error());
  const auto right = design_of(w.designs.back());
  if (!right) return fail(kUsage, right.error());
  const auto geometry = geometry_of(w.geometry);
  if (!geometry) return fail(kUsage, geometry.error());
  u64 nr = 0;
  if (const auto r = read_count("--nr", w.nr, 1, 512, nr); !r) return fail(kUsage, r.error());
  const auto text = dump_text(**left, **right, **geometry, nr);
  if (!text) return fail(kResource, text.error());
  return say(*text) ? kPass : kResource;
}

int host_command(bool as_json) {
  const HostKernel kernel = read_host_kernel();
  return say(as_json ? host_json(kernel) : host_text(kernel)) ? kPass : kResource;
}

int designs_command(bool as_json) {
  const auto facts = design_facts();
  if (!facts) return fail(kResource, facts.error());
  return say(as_json ? designs_json(*facts) : designs_text(*facts)) ? kPass : kResource;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("hvo-stress: the kernel's HugeTLB vmemmap optimisation under fire, on a simulated machine");
  app.formatter(std::make_shared<Help>());
  app.require_subcommand(1);
  app.footer(kExitCodes);
  app.set_version_flag("--version", fmt::format("hvo-stress {} ({})", kVersion, kCommit));
  RunWords words;
  std::string show_design = "fake-head";
  CLI::App* run_app = app.add_subcommand("run", "stress a scenario and judge what was seen");
  run_app->footer(fmt::format("Example: hvo-stress run --scenario lookup_vs_restore --design 6.12 --seconds 60\n{}{}",
                              kFooter, kExitCodes));
  add_run_options(*run_app, words);
  ExploreWords explore_words;
  CLI::App* explore_app =
      app.add_subcommand("explore", "every interleaving that matters: a scheduler decides each step");
  explore_app->footer(
      fmt::format("Example: hvo-stress explore --scenario recycle+filtered --design fake-head-rcu\n{}", kExitCodes));
  add_explore_options(*explore_app, explore_words);
  ReplayWords replay_words;
  CLI::App* replay_app = app.add_subcommand("replay", "a schedule that explore has found, step by step");
  add_replay_options(*replay_app, replay_words);
  ZooWords zoo_words;
  CLI::App* zoo_app = app.add_subcommand("zoo", "the historical bugs, planted by name and caught: the detection table");
  zoo_app->footer(fmt::format("Example: hvo-stress zoo Z2 flush-before-free --seeds 3\n{}", kExitCodes));
  add_zoo_options(*zoo_app, zoo_words);
  TryWords try_words;
  CLI::App* try_app =
      app.add_subcommand("try", "a design beside its neighbour: scenarios, explored pairs, the zoo's bugs");
  try_app->footer(kExitCodes);
  add_try_options(*try_app, try_words);
  CLI::App* list_app = app.add_subcommand("list", "scenarios, designs, geometries, safeguards");
  bool list_as_json = false;
  list_app->add_flag("--json", list_as_json, "as JSON, on stdout");
  CLI::App* designs_app = app.add_subcommand("designs", "each design: lookups, savings, known holes, arm64's rule");
  designs_app->add_flag("--json", list_as_json, "as JSON, on stdout");
  CLI::App* show_app = app.add_subcommand("show", "one hugepage's struct pages before and after optimising");
  show_app->add_option("--design", show_design, "as for run (default fake-head)")->type_name("NAME");
  CLI::App* dump_app =
      app.add_subcommand("dump", "page tables of a small pool before and after, two designs side by side");
  DumpWords dump_words;
  add_dump_options(*dump_app, dump_words);
  CLI::App* host_app =
      app.add_subcommand("host", "HVO in the kernel that runs here: which design, on or off, what it saves");
  bool host_as_json = false;
  host_app->add_flag("--json", host_as_json, "as JSON, on stdout");
  CLI::App* version_app = app.add_subcommand("version", "version and commit");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    return fail(kUsage, fmt::format("{}; see hvo-stress --help", plain_words(e)));
  }
  if (version_app->parsed()) {
    say(fmt::format("hvo-stress {} ({})\n", kVersion, kCommit));
    return kPass;
  }
  if (list_app->parsed()) return say(list_as_json ? list_json() : list_text()) ? kPass : kResource;
  if (designs_app->parsed()) return designs_command(list_as_json);
  if (show_app->parsed()) {
    const auto design = design_of(show_design);
    return design ? show(**design) : fail(kUsage, design.error());
  }
  if (dump_app->parsed()) return dump_command(dump_words);
  if (host_app->parsed()) return host_command(host_as_json);
  if (explore_app->parsed()) return explore_command(explore_words, typed_command(argv[0], "explore"));
  if (replay_app->parsed()) return replay_command(replay_words);
  if (zoo_app->parsed()) return zoo_command(zoo_words, typed_line(argc, argv));
  if (try_app->parsed()) return try_command(try_words);
  return run_command(words, typed_command(argv[0], "run"));
}
