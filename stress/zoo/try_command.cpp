#include "stress/zoo/try_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/hvo/design_names.h"
#include "program/exit_codes.h"
#include "program/output_files.h"
#include "program/progress_line.h"
#include "program/signals.h"
#include "stress/command_line.h"
#include "stress/explore/pairs.h"
#include "stress/output.h"
#include "stress/report/outcomes.h"
#include "stress/scenario.h"
#include "stress/zoo/table.h"

namespace hvo::stress {

namespace {

constexpr double kGraceSeconds = 60;
constexpr double kUsualSeconds = 2;
constexpr double kPairSeconds = 10;
constexpr double kHuntSeconds = 10;

/// What one process said of one design.
struct Said {
  int code = kPass;
  bool is_refused = false;
  u64 nr_holes = 0;
  std::string why{};
};

Said ask(const Words& words, double seconds, const TemporaryFolder& folder) {
  const std::string json = folder.file("said.json");
  std::error_code ignored;
  std::filesystem::remove(json, ignored);
  Words all = Words{"/proc/self/exe"} + words + Words{"--quiet", "--json", json, "--seed", "1"};
  if (words.front() == "explore") all = all + Words{"--no-shrink", "--save", folder.file("schedule.json")};
  const auto ended = run_bounded(all, seconds + kGraceSeconds);
  Said said;
  if (!ended) {
    said = {.code = kResource, .why = ended.error()};
  } else if (ended->is_interrupted) {
    said.code = kInterrupted;
  } else {
    said.code = ended->is_late ? kHang : ended->signal != 0 ? kCrash : ended->code;
    said.is_refused = said.code == kUsage || said.code == kResource;
    const auto result = nlohmann::json::parse(text_of_file(json), nullptr, false);
    if (result.is_object() && result.contains("outcomes")) {
      for (const auto& x : result["outcomes"]) {
        if (x.value("key", "") == "known-hole") said.nr_holes = x.value("count", u64{0});
      }
    }
  }
  return said;
}

std::string_view word_of(int code) {
  switch (code) {
    case kPass: return "pass";
    case kViolation: return "VIOLATION";
    case kCrash: return "CRASH";
    case kHang: return "HANG";
    case kVacuous: return "cannot tell";
    case kUsage:
    case kResource: return "can't be run";
    default: return "?";
  }
}

std::string said_text(const Said& said) {
  std::string s(word_of(said.code));
  return said.nr_holes == 0 ? s : s + ", known hole";
}

/// The worse of two exit codes, for a reader: a crash, then a hang, a violation, what can't be told.
int worse(int a, int b) {
  constexpr std::array kBadFirst{kCrash, kHang, kViolation, kResource, kUsage, kVacuous, kPass};
  const auto at = [&](int code) { return std::ranges::find(kBadFirst, code) - kBadFirst.begin(); };
  return at(a) <= at(b) ? a : b;
}

class Trial {
 public:
  Trial(const Design& design, const Design& against, double seconds, bool is_quiet, const TemporaryFolder& folder)
      : design_(design), against_(against), seconds_(seconds), is_quiet_(is_quiet), folder_(folder) {}

  /// False: interrupted.
  bool operator()() {
    text_ =
        fmt::format("{} beside {}\n\n{:<30}{:<21}{}\n", design_.name, against_.name, "", design_.name, against_.name);
    return scenarios() && pairs() && zoo();
  }
  const std::string& text() const { return text_; }
  int code() const { return code_; }

 private:
  void progress(const std::string& what) {
    if (!is_quiet_) line_.show(what);
  }
  void add(const std::string& line) { text_ += line.substr(0, line.find_last_not_of(' ') + 1) + "\n"; }

  bool scenarios() {
    add(fmt::format("scenarios, {} each", duration_text(seconds_)));
    for (const Scenario& s : stress::scenarios()) {
      const auto said = both(
          [&](const Design& d) {
            return Words{"run",
                         "--scenario",
                         std::string(s.name),
                         "--design",
                         std::string(d.name),
                         "--seconds",
                         fmt::format("{}", seconds_)};
          },
          std::string(s.name), seconds_);
      if (is_interrupted()) return false;
      add(fmt::format("  {:<28}{:<21}{}", s.name, said_text(said[0]), said_text(said[1])));
      // A window that a moment does not hit is no verdict on a design.
      if (said[0].code != kVacuous) code_ = worse(code_, said[0].code);
    }
    return true;
  }

  bool pairs() {
    add("\npairs of small operations, all schedules of up to 1 preemption");
    std::array<u64, 2> nr_pass{}, nr_all{};
    const auto& names = paired_small_ops();
    for (std::size_t i = 0; i < names.size(); ++i) {
      for (std::size_t k = i; k < names.size(); ++k) {
        const std::string pair = fmt::format("{}+{}", names[k], names[i]);
        const auto said = both(
            [&](const Design& d) {
              return Words{"explore",     "--scenario",        pair,
                           "--design",    std::string(d.name), "--strategy",
                           "dfs:1",       "--budget",          fmt::format("{}", kPairSeconds),
                           "--keep-going"};
            },
            pair, kPairSeconds);
        if (is_interrupted()) return false;
        for (std::size_t n = 0; n < 2; ++n) {
          ++nr_all[n];
          nr_pass[n] += said[n].code == kPass && said[n].nr_holes == 0 ? 1 : 0;
        }
        const bool is_plain =
            said[0].code == kPass && said[1].code == kPass && said[0].nr_holes + said[1].nr_holes == 0;
        if (!is_plain) add(fmt::format("  {:<28}{:<21}{}", pair, said_text(said[0]), said_text(said[1])));
        code_ = worse(code_, said[0].code);
      }
    }
    add(fmt::format("  {:<28}{:<21}{}", "pass", fmt::format("{} of {}", nr_pass[0], nr_all[0]),
                    fmt::format("{} of {}", nr_pass[1], nr_all[1])));
    return true;
  }

  template <class Make>
  std::array<Said, 2> both(Make make, const std::string& what, double seconds) {
    std::array<Said, 2> said;
    for (std::size_t n = 0; n < 2 && !is_interrupted(); ++n) {
      const Design& design = n == 0 ? design_ : against_;
      progress(fmt::format("{} on {}", what, design.name));
      said[n] = ask(make(design), seconds, folder_);
    }
    return said;
  }

  bool zoo() {
    add(fmt::format("\nbugs of the zoo planted in {}", design_.name));
    u64 nr = 0;
    for (const Exhibit& e : exhibits()) {
      std::string failure;
      for (const Way way : {Way::explore_sc, Way::explore_weak, Way::run}) {
        const auto planted = program_under(e, way, Planted::yes, design_.name);
        const auto control = program_under(e, way, Planted::no, design_.name);
        if (!planted || !control) continue;
        progress(fmt::format("{} in {}", full_name(e), design_.name));
        const Attempt a = hunt(*planted, way, 1, {.seconds = kHuntSeconds, .shrinks = false}, folder_);
        if (is_interrupted()) return false;
        failure = a.end == Attempt::End::failed ? a.why : "";
        if (!failure.empty()) continue;
        const Attempt without =
            hunt(*control, way, 1, {.seconds = std::max(1.0, a.seconds), .shrinks = false}, folder_);
        if (is_interrupted()) return false;
        tell(e, way, a, without);
        ++nr;
        break;
      }
      if (!failure.empty()) add(fmt::format("  {:<28}can't be run: {}", full_name(e), failure));
    }
    if (nr == 0) add("  none applies");
    return true;
  }

  void tell(const Exhibit& e, Way way, const Attempt& a, const Attempt& without) {
    std::string told = a.is_found() ? fmt::format("{} in {}", a.by, duration_text(a.seconds)) : "not caught";
    if (without.is_found()) told = "FALSE ALARM without it: " + without.by;
    add(fmt::format("  {:<28}{}: {}", full_name(e), way_name(way), told));
    if (without.is_found()) code_ = worse(code_, kViolation);
    if (!a.is_found()) code_ = worse(code_, kVacuous);
  }

  const Design& design_;
  const Design& against_;
  double seconds_;
  bool is_quiet_;
  const TemporaryFolder& folder_;
  ProgressLine line_{"hvo-stress"};
  std::string text_;
  int code_ = kPass;
};

/// The row before it; of the first one the row behind it.
const Design& neighbour_of(const Design& design) {
  const auto nth = static_cast<std::size_t>(&design - kDesigns.data());
  return kDesigns[nth == 0 ? 1 : nth - 1];
}

}  // namespace

void add_try_options(CLI::App& app, TryWords& w) {
  app.add_option("name", w.design, "the design, or a kernel version")->type_name("NAME")->required();
  app.add_option("--against", w.against, "the design to lay beside it (default: the row before it)")->type_name("NAME");
  app.add_option("--seconds", w.seconds, "of each scenario (default 2)")->type_name("S");
  app.add_flag("--quiet", w.quiet, "no status line");
}

int try_command(const TryWords& words) {
  const auto design = design_of(words.design);
  if (!design) return fail(kUsage, design.error());
  const Design* against = &neighbour_of(**design);
  if (!words.against.empty()) {
    const auto other = design_of(words.against);
    if (!other) return fail(kUsage, other.error());
    against = *other;
  }
  if (against == *design) return fail(kUsage, "--against: a design is not laid beside itself");
  double seconds = kUsualSeconds;
  if (auto r = read_positive("--seconds", words.seconds, 3600, seconds); !r) return fail(kUsage, r.error());
  const auto folder = TemporaryFolder::make("hvo-try");
  if (!folder) return fail(kResource, folder.error());
  install_interrupt_handlers();
  Trial trial(**design, *against, seconds, words.quiet, *folder);
  const bool is_whole = trial();
  if (!say(trial.text())) return kResource;
  if (!is_whole) {
    say("\ninterrupted\n");
    return kInterrupted;
  }
  say(fmt::format("\nverdict on {}: {}\n", (*design)->name, word_of(trial.code())));
  return trial.code();
}

}  // namespace hvo::stress
