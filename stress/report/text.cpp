#include "stress/report/text.h"

#include <fmt/format.h>

#include <algorithm>

#include "stress/report/costs.h"
#include "stress/report/outcomes.h"
#include "stress/verdict.h"

namespace hvo::stress {

namespace {

class Text {
 public:
  Text(const RunOptions& options, const RunResult& result, bool colour) : o_(options), r_(result), colour_(colour) {}

  std::string operator()() {
    heading();
    outcomes();
    findings();
    windows();
    costs();
    s_ += fmt::format("\nvmemmap frames saved: {} at the end, {} at most, of {}\n", r_.frames_saved,
                      r_.frames_saved_peak, r_.frames_of_vmemmap);
    if (r_.nr_rounds_apart != 0) {
      s_ += fmt::format("in {} of {} rounds the CPUs did not start together\n", r_.nr_rounds_apart, r_.nr_rounds);
    }
    const bool is_valid = r_.outcomes.of(Key::not_valid) == 0;
    s_ += fmt::format("validate: {}\n", r_.is_hung ? "not done" : is_valid ? "every round right" : "FAILED");
    if (r_.first_bad_round) {
      s_ += "repeat the first bad round (threads interleave anew each time):\n  " +
            command_of_round(o_, *r_.first_bad_round) + "\n";
      s_ += "or explore it: there each step is decided, and a find can be replayed:\n  " +
            command_of_exploration(o_, *r_.first_bad_round) + "\n";
    }
    const Verdict verdict = verdict_of(o_, r_);
    const Grade grade = verdict == Verdict::pass      ? Grade::acceptable
                        : verdict == Verdict::vacuous ? Grade::known_hole
                                                      : Grade::forbidden;
    s_ += painted(grade, verdict_line(o_, r_)) + "\n";
    return s_;
  }

 private:
  std::string painted(Grade grade, const std::string& text) const { return stress::painted(grade, text, colour_); }

  void heading() {
    s_ += fmt::format("\n{} on {}, {} CPUs{} on {} threads, seed {}\n", o_.scenario->name, o_.machine.design->name,
                      o_.machine.nr_cpus,
                      o_.machine.nr_nodes == 1 ? "" : fmt::format(" of {} nodes", o_.machine.nr_nodes), o_.nr_threads,
                      o_.seed);
    s_ += fmt::format("{} operations, {} lookups, {} round{}, {:.1f} s{}\n", r_.nr_ops, r_.nr_lookups(), r_.nr_rounds,
                      r_.nr_rounds == 1 ? "" : "s", r_.seconds, r_.is_interrupted ? ", interrupted" : "");
    if (o_.machine.mmu == Mmu::host) s_ += "the host's MMU: it flushes at once, so nothing stale can show\n";
  }

  void outcomes() { s_ += outcomes_text(*o_.machine.design, r_.outcomes, colour_); }

  void findings() {
    if (r_.findings.empty()) return;
    s_ += "\nfirst violations\n";
    for (const Finding& f : r_.findings) {
      s_ += fmt::format("  round {} (seed {}): ", f.round + 1, o_.seed_of_round(f.round)) + violation_text(f.violation);
    }
  }

  void windows() {
    s_ += "\nwindows\n";
    for (const Window& w : o_.scenario->windows) {
      const WindowState state = window_state(o_, r_, w);
      const std::string_view said = state == WindowState::hit ? "hit" : state == WindowState::missed ? "MISSED" : "n/a";
      line(fmt::format("{:>12}  {:<6}  ", r_.events[w.event], said), kEventTexts[static_cast<unsigned>(w.event)]);
    }
  }

  void costs() {
    s_ += "\ncounters\n";
    for (unsigned i = 0; i < kNrEvents; ++i) {
      const auto event = static_cast<Event>(i);
      const bool is_window =
          std::ranges::any_of(o_.scenario->windows, [event](const Window& w) { return w.event == event; });
      const auto ratio = ratio_of(r_, event);
      if (!shows(o_.machine.mmu, event)) continue;
      if (r_.events.v[i] == 0 || (is_window && !ratio)) continue;
      const std::string each = ratio ? fmt::format(", {:.2f} per {}", ratio->value, ratio->per) : "";
      line(fmt::format("{:>12}  ", r_.events.v[i]), std::string(kEventTexts[i]) + each);
    }
  }

  /// `head`, and beside it `text`, in as many lines as it needs.
  void line(const std::string& head, std::string_view text) {
    s_ += head + wrapped(text, head.size()).substr(head.size());
  }

  const RunOptions& o_;
  const RunResult& r_;
  bool colour_;
  std::string s_;
};

}  // namespace

std::string report_text(const RunOptions& options, const RunResult& result, bool colour) {
  return Text(options, result, colour)();
}

}  // namespace hvo::stress
