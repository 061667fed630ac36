#include <fmt/format.h>

#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>

#include "program/exit_codes.h"
#include "program/output_files.h"
#include "program/usage.h"
#include "stress/explore/commands.h"
#include "stress/explore/explain/litmus_c.h"
#include "stress/explore/explain/retell.h"
#include "stress/explore/explain/trace_json.h"
#include "stress/explore/report.h"
#include "stress/explore/search/schedule_file.h"
#include "stress/output.h"
#include "stress/report/outcomes.h"

namespace hvo::stress {

namespace {

std::expected<ScheduleFile, std::string> read_schedule(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::unexpected(fmt::format("can't read {}", path));
  std::ostringstream text;
  text << in.rdbuf();
  auto file = parse_schedule(text.str());
  if (!file) return std::unexpected(fmt::format("{} {}", path, file.error()));
  return file;
}

std::expected<ExploreOptions, std::string> options_of(const ScheduleFile& file) {
  CLI::App app;
  ExploreWords words;
  add_explore_options(app, words);
  try {
    app.parse(file.program, false);
  } catch (const CLI::ParseError& e) {
    return std::unexpected(fmt::format("this build does not know the program of the schedule: {}", plain_words(e)));
  }
  return to_explore_options(words, "hvo-stress explore");
}

/// Empty: the replay did what the file says.
std::string difference(const ScheduleFile& file, const Replayed& r) {
  const Witness& w = file.witness;
  if (!r.has_strayed && r.nr_steps == w.nr_steps && r.state_hash == w.state_hash && r.end == w.end) return "";
  return fmt::format(
      "the schedule did not repeat: {} steps to state {:016x}, the file says {} to {:016x}; it is from a "
      "build in which the operations take other steps",
      r.nr_steps, r.state_hash, w.nr_steps, w.state_hash);
}

std::string litmus_name(const ExploreOptions& o) { return fmt::format("{}+{}", o.machine.design->name, o.subject); }

}  // namespace

void add_replay_options(CLI::App& app, ReplayWords& w) {
  app.add_option("FILE", w.file, "a schedule that explore has saved")->required();
  app.add_flag("--check-determinism", w.check_determinism, "run it ten times more, and compare");
  app.add_flag("--litmus", w.as_litmus, "instead: the racing accesses as a litmus test in C, for herd7");
  app.add_option("--trace", w.trace, "the schedule as Chrome trace events, for ui.perfetto.dev")->type_name("FILE");
  app.add_option("--json", w.json, "the rows of the story, as JSON")->type_name("FILE");
}

int replay_command(const ReplayWords& words) {
  if (words.as_litmus && !(words.trace.empty() && words.json.empty())) {
    return fail(kUsage, "--litmus prints a test and nothing else: leave out --trace and --json");
  }
  const auto file = read_schedule(words.file);
  if (!file) return fail(kUsage, file.error());
  const auto options = options_of(*file);
  if (!options) return fail(kUsage, fmt::format("{}: {}", words.file, options.error()));
  auto subject = subject_maker(*options)();
  if (!subject) return fail(kResource, subject.error());
  if ((*subject)->machine().state_hash() != file->start_hash) {
    return fail(kUsage, fmt::format("{} is from another version of the scenario: its machine begins in another state; "
                                    "search anew: {}",
                                    words.file, file->command));
  }
  const Witness& w = file->witness;
  constexpr int kTimes = 10;
  std::vector<Moment> moments;
  const u64 variant = variant_of(w.strategy, w.index);
  const Replayed first = replay(**subject, options->search.engine, variant, w.decisions, &moments);
  if (const std::string why = difference(*file, first); !why.empty()) {
    return fail(kUsage, fmt::format("{}: {}", words.file, why));
  }
  const Told told = retell(**subject, options->search.engine, variant, first, moments);
  Machine& machine = (*subject)->machine();
  if (words.as_litmus) {
    const auto litmus = litmus_c(litmus_name(*options), machine, moments, told.culprits);
    if (!litmus) return fail(kVacuous, fmt::format("no litmus test: {}", litmus.error()));
    return say(*litmus) ? kPass : kResource;
  }
  OutputFiles files;
  const std::pair<const std::string&, std::function<std::string()>> outputs[] = {
      {words.trace, [&] { return trace_json(machine, moments, told.story).dump() + "\n"; }},
      {words.json, [&] { return told_json(told).dump(2) + "\n"; }}};
  for (const auto& [path, text] : outputs) {
    const auto opened = files.open(path, text);
    if (!opened) return fail(opened.error().is_usage ? kUsage : kResource, opened.error().why);
  }
  say(told_text(told, is_colour_terminal()));
  int failed = kPass;
  for (const std::string& why : files.write_all()) failed = fail(kResource, why);
  for (int i = 0; words.check_determinism && i < kTimes; ++i) {
    const Replayed again = replay(**subject, options->search.engine, variant, w.decisions, nullptr);
    if (const std::string why = difference(*file, again); !why.empty()) {
      return fail(kViolation, fmt::format("{}: {}", words.file, why));
    }
  }
  say(fmt::format("\nreplayed: {} steps to state {:016x}, as in the file{}\n", first.nr_steps, first.state_hash,
                  words.check_determinism ? fmt::format(", {} times more", kTimes) : ""));
  return first.outcomes.nr_forbidden() != 0 ? kViolation : failed;
}

}  // namespace hvo::stress
