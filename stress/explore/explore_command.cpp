#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "program/exit_codes.h"
#include "program/output_files.h"
#include "program/progress_line.h"
#include "program/signals.h"
#include "stress/explore/commands.h"
#include "stress/explore/explain/retell.h"
#include "stress/explore/pairs.h"
#include "stress/explore/report.h"
#include "stress/explore/search/current_schedule.h"
#include "stress/explore/search/schedule_file.h"
#include "stress/explore/search/shrink.h"
#include "stress/output.h"

namespace hvo::stress {

namespace {

constexpr std::string_view kDefaultSave = "hvo-schedule.json";
constexpr double kShrinkSeconds = 2;  // for each smaller program
constexpr int kBisectSkip = 125;

/// What is found out about a schedule that was found.
struct Found {
  ScheduleFile file;
  Told told;
  std::string text;
};

std::expected<Found, std::string> look_into(ExploreOptions options, const Witness& witness) {
  Found f;
  f.file.command = command_of(options);
  f.file.witness = witness;
  if (options.shrinks) {
    const auto shrunk = shrink(options, witness, kShrinkSeconds);
    if (!shrunk) return std::unexpected(shrunk.error());
    f.file.witness = shrunk->witness;
    f.text = fmt::format("shrunk: {} → {} switches and choices, {} steps, {} tries\n", shrunk->nr_switches_before,
                         shrunk->nr_switches_after, shrunk->witness.nr_steps, shrunk->nr_tries);
  }
  f.file.program = program_words(options);
  auto subject = subject_maker(options)();
  if (!subject) return std::unexpected(subject.error());
  f.file.start_hash = (*subject)->machine().state_hash();
  std::vector<Moment> moments;
  Witness& w = f.file.witness;
  const Replayed again =
      replay(**subject, options.search.engine, variant_of(w.strategy, w.index), w.decisions, &moments);
  w.state_hash = again.state_hash;
  w.nr_steps = again.nr_steps;
  f.told = retell(**subject, options.search.engine, variant_of(w.strategy, w.index), again, moments);
  f.text += "\n" + told_text(f.told, is_colour_terminal());
  return f;
}

/// Nothing where there is no file yet.
std::expected<std::optional<SearchState>, std::string> read_state(const ExploreOptions& options,
                                                                  const std::string& path) {
  if (path.empty() || !std::filesystem::exists(path)) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return std::unexpected(fmt::format("can't read {}", path));
  auto state = parse_state(text.str());
  if (!state) return std::unexpected(fmt::format("{} {}", path, state.error()));
  const SearchOptions& s = options.search;
  if (state->program == program_words(options) && state->strategy == strategy_text(s.strategy) &&
      state->nr_workers == s.nr_workers && state->reduced == s.reduced) {
    return std::optional(std::move(*state));
  }
  return std::unexpected(fmt::format("{} is of another search: {} --strategy {} --workers {}{}", path, state->program,
                                     state->strategy, state->nr_workers, state->reduced ? "" : " --no-reduction"));
}

int code_for(const ExploreOptions& options, int code) {
  const bool says_nothing = code == kResource || code == kVacuous || code == 4;
  return options.is_bisecting && says_nothing ? kBisectSkip : code;
}

int deliver(const ExploreOptions& options, const SearchResult& result, const std::optional<Found>& found,
            OutputFiles& files) {
  std::string text = explore_text(options, result, is_colour_terminal());
  if (found) text = found->text + text;
  int failed = 0;
  if (!say(text)) failed = fail(kResource, "can't write the report");
  for (const std::string& why : files.write_all()) failed = fail(kResource, why);
  const int code = exit_code(verdict_of(options, result));
  return code_for(options, failed != 0 && code != kViolation ? failed : code);
}

}  // namespace

int explore_command(const ExploreWords& words, const std::string& command) {
  const auto options = to_explore_options(words, command);
  if (!options) return fail(kUsage, options.error());
  install_interrupt_handlers();
  if (words.pairs) return pairs_command(*options);
  SearchResult result;
  std::optional<Found> found;
  OutputFiles files;
  const auto open = [&files](const std::string& path, const std::function<std::string()>& text) {
    const auto opened = files.open(path, text);
    return opened ? kPass : fail(opened.error().is_usage ? kUsage : kResource, opened.error().why);
  };
  if (const int code = open(words.json, [&] { return explore_json(*options, result, found ? &found->told : nullptr); });
      code != kPass)
    return code;
  say(fmt::format("repeat: {}\n", command_of(*options)));
  ProgressLine line("hvo-stress");
  WatchSearch watch;
  if (!options->is_quiet) watch = [&](const SearchResult& so_far) { line.show(explore_progress(*options, so_far)); };
  CurrentSchedule current(command_of(*options), options->search.nr_workers);
  SearchOptions search_options = options->search;
  search_options.current = &current;
  const auto resumed = read_state(*options, words.resume);
  if (!resumed) return fail(kUsage, resumed.error());
  if (*resumed) search_options.resume = &**resumed;
  auto searched = search(subject_maker(*options), search_options, watch);
  line.clear();
  if (!searched) return code_for(*options, fail(kResource, searched.error()));
  result = std::move(*searched);
  if (!result.rest && !words.resume.empty()) std::filesystem::remove(words.resume);
  if (result.rest && !words.resume.empty()) {
    result.rest->program = program_words(*options);
    if (const int code = open(words.resume, [&] { return state_text(*result.rest); }); code != kPass) return code;
  }
  if (result.witness) {
    auto looked = look_into(*options, *result.witness);
    if (!looked) return code_for(*options, fail(kResource, looked.error()));
    found = std::move(*looked);
    const std::string path = words.save.empty() ? std::string(kDefaultSave) : words.save;
    if (open(path, [&] { return schedule_text(found->file); }) == kPass) {
      found->text += fmt::format("replay: {} {}\n", sibling_command(options->command, "replay"), path);
    }
  }
  return deliver(*options, result, found, files);
}

}  // namespace hvo::stress
