#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <tuple>

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
/// In all well below the grace that zoo gives (kGraceSeconds).
constexpr ShrinkLimits kShrinkLimits{.seconds_each = 2, .seconds = 20};

/// What is found out about a schedule that was found.
struct Found {
  ScheduleFile file;
  Told told;
  std::string text;
  bool has_strayed = false;  ///< it did not come again
};

/// "3 → 2 CPUs, 6 → 1 operations each, 3 → 1 hugepages": what became less; nothing if nothing did.
std::string lessened(const ProgramSize& before, const ProgramSize& after) {
  std::string s;
  const auto add = [&s](u64 from, u64 to, const char* what) {
    if (to < from) s += fmt::format("{}{} → {} {}", s.empty() ? "" : ", ", from, to, what);
  };
  add(before.nr_cpus, after.nr_cpus, "CPUs");
  add(before.nr_ops, after.nr_ops, "operations each");
  add(before.nr_folios, after.nr_folios, "hugepages");
  return s;
}

std::string shrunk_text(const Shrunk& s, const ExploreOptions& left) {
  const std::string less = lessened(s.before, s.after);
  return fmt::format("shrunk: {} → {} switches and choices, {} steps, {} tries\n", s.nr_switches_before,
                     s.nr_switches_after, s.witness.nr_steps, s.nr_tries) +
         (less.empty() ? "" : fmt::format("left:   {}\n        {}\n", less, program_words(left)));
}

std::string shrinking_text(const ExploreOptions& smaller) {
  const ProgramSize size = size_of(smaller);
  return fmt::format("shrinking: {}, {} each, {} in pools", plural(size.nr_cpus, "CPU"),
                     plural(size.nr_ops, "operation"), plural(size.nr_folios, "hugepage"));
}

std::expected<Found, std::string> look_into(ExploreOptions options, const Witness& witness, ProgressLine& line) {
  Found f;
  f.file.command = command_of(options);
  f.file.witness = witness;
  if (options.shrinks) {
    const auto watch = [&line](const ExploreOptions& smaller) {
      if (!smaller.is_quiet) line.show(shrinking_text(smaller));
    };
    const auto shrunk = shrink(options, witness, kShrinkLimits, watch);
    line.clear();
    if (!shrunk) return std::unexpected(shrunk.error());
    f.file.witness = shrunk->witness;
    f.text = shrunk_text(*shrunk, options);
  }
  f.file.program = program_words(options);
  f.file.subject = options.subject;
  auto subject = subject_maker(options)();
  if (!subject) return std::unexpected(subject.error());
  f.file.start_hash = (*subject)->machine().state_hash();
  std::vector<Moment> moments;
  Witness& w = f.file.witness;
  const Replayed again =
      replay(**subject, options.search.engine, variant_of(w.strategy, w.index), w.decisions, &moments);
  f.has_strayed = again.has_strayed || again.end != w.end || again.nr_steps != w.nr_steps ||
                  !is_same(failure_of(w.outcomes, w.end, options.search.find), again.outcomes, again.end);
  if (f.has_strayed) f.text += "run again it did not do the same; what follows is what it did then\n";
  if (w.is_cut) f.text += "it has more decisions than are kept: what follows ends otherwise\n";
  w.state_hash = again.state_hash;
  w.nr_steps = again.nr_steps;
  f.told = retell(**subject, options.search.engine, variant_of(w.strategy, w.index), again, moments);
  f.text += "\n" + told_text(f.told, is_colour_terminal());
  return f;
}

/// What it says can be of a search like this.
bool fits(const SearchState& state, const SearchOptions& options) {
  if (options.strategy.kind != StrategySpec::Kind::dfs) return true;
  return state.parts.size() == options.nr_workers && state.bound <= options.strategy.n;
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
      state->nr_workers == s.nr_workers && state->reduced == s.reduced && fits(*state, s)) {
    return std::optional(std::move(*state));
  }
  return std::unexpected(fmt::format("{} is of another search: {} --strategy {} --workers {}{}", path, state->program,
                                     state->strategy, state->nr_workers, state->reduced ? "" : " --no-reduction"));
}

/// Nothing can be said.
int fail_early(const ExploreOptions& options, int code, const std::string& why) {
  fail(code, why);
  return options.is_bisecting && code == kResource ? exit_code(options, ExploreVerdict::incomplete) : code;
}

/// The files of a run. What was found and where a search was broken off are written only if there is such a thing; that
/// they can be is known before the search.
struct Files {
  OutputFiles json, schedule, rest;
};

int deliver(const ExploreOptions& options, const SearchResult& result, const std::optional<Found>& found,
            Files& files) {
  std::string text = explore_text(options, result, is_colour_terminal());
  if (found) text = found->text + text;
  bool failed = !say(text);
  if (failed) fail(kResource, "can't write the report");
  const auto write = [&failed](OutputFiles& file) {
    for (const std::string& why : file.write_all()) {
      fail(kResource, why);
      failed = true;
    }
  };
  write(files.json);
  if (found) write(files.schedule);
  if (result.rest) write(files.rest);
  const int code = exit_code(options, verdict_of(options, result));
  return failed && code != kViolation ? kResource : code;
}

/// Options that a table of all pairs has no use for.
std::optional<std::string> refused_with_pairs(const ExploreWords& w) {
  const std::pair<bool, const char*> given[] = {{w.subject != kDefaultSubject, "--scenario"},
                                                {!w.strategy.empty(), "--strategy"},
                                                {!w.find.empty(), "--find"},
                                                {!w.json.empty(), "--json"},
                                                {!w.save.empty(), "--save"},
                                                {!w.resume.empty(), "--resume"},
                                                {!w.schedules.empty(), "--schedules"},
                                                {w.check_determinism, "--check-determinism"}};
  for (const auto& [is_given, name] : given) {
    if (is_given) return fmt::format("--pairs and {} contradict each other", name);
  }
  return std::nullopt;
}

std::expected<SearchResult, std::string> search_watched(const ExploreOptions& options,
                                                        const std::optional<SearchState>& resumed, ProgressLine& line,
                                                        CurrentSchedule& current) {
  WatchSearch watch;
  if (!options.is_quiet) watch = [&](const SearchResult& so_far) { line.show(explore_progress(options, so_far)); };
  SearchOptions search_options = options.search;
  search_options.current = &current;
  if (resumed) search_options.resume = &*resumed;
  auto searched = search(subject_maker(options), search_options, watch);
  line.clear();
  return searched;
}

}  // namespace

int explore_command(const ExploreWords& words, const std::string& command) {
  const auto options = to_explore_options(words, command);
  if (!options) return words.bisect ? fail(kBisectSkip, options.error()) : fail(kUsage, options.error());
  install_interrupt_handlers();
  if (words.pairs) {
    const auto refused = refused_with_pairs(words);
    return refused ? fail(kUsage, *refused) : pairs_command(*options);
  }
  SearchResult result;
  std::optional<Found> found;
  const auto resumed = read_state(*options, words.resume);
  if (!resumed) return fail(kUsage, resumed.error());
  Files files;
  const std::string schedule_path = words.save.empty() ? std::string(kDefaultSave) : words.save;
  const std::tuple<OutputFiles&, const std::string&, std::function<std::string()>> outputs[] = {
      {files.json, words.json,
       [&] { return explore_json(*options, result, found ? &found->told : nullptr, found ? &found->file : nullptr); }},
      {files.schedule, schedule_path, [&] { return schedule_text(found->file); }},
      {files.rest, words.resume, [&] { return state_text(*result.rest); }}};
  for (const auto& [file, path, text] : outputs) {
    const auto opened = file.open(path, text);
    if (!opened) return fail_early(*options, opened.error().is_usage ? kUsage : kResource, opened.error().why);
  }
  say(fmt::format("repeat: {}\n", command_of(*options)));
  ProgressLine line("hvo-stress");
  // A crash leaves the last schedules there, also one while what was found is looked into.
  CurrentSchedule current(command_of(*options), options->search.nr_workers);
  auto searched = search_watched(*options, *resumed, line, current);
  if (!searched) return fail_early(*options, kResource, searched.error());
  result = std::move(*searched);
  if (result.rest) result.rest->program = program_words(*options);
  if (!result.rest && !words.resume.empty()) std::filesystem::remove(words.resume);
  if (result.witness) {
    auto looked = look_into(*options, *result.witness, line);
    if (!looked) return fail_early(*options, kResource, looked.error());
    found = std::move(*looked);
    if (found->has_strayed) ++result.nr_undetermined;
    found->text +=
        fmt::format("replay: {} {}\n", sibling_command(options->command, "replay"), stress::quoted(schedule_path));
  }
  return deliver(*options, result, found, files);
}

}  // namespace hvo::stress
