#include "bench/savings/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace hvo::bench::savings {

namespace {
constexpr auto kRewriteAfter = std::chrono::milliseconds(100);
constexpr auto kLineAfter = std::chrono::seconds(5);
}  // namespace

std::string progress_text(std::string_view what, u64 nth, u64 all, Stage stage, u64 done, u64 of) {
  return fmt::format("{}, {} of {}: {}, {} %", what, nth, all, stage == Stage::boot ? "boot" : "pool",
                     of == 0 ? 0 : done * 100 / of);
}

Progress::Progress(u64 all) : is_terminal_(isatty(STDERR_FILENO) != 0), all_(all) {
  due_ = Clock::now() + (is_terminal_ ? Clock::duration(kRewriteAfter) : kLineAfter);
}

void Progress::next(std::string_view what) {
  what_ = what;
  ++nth_;
}

void Progress::operator()(Stage stage, u64 done, u64 of) {
  const auto now = Clock::now();
  if (now < due_) return;
  const std::string text = progress_text(what_, nth_, all_, stage, done, of);
  if (is_terminal_) {
    fmt::print(stderr, "\r{}\033[K", text);
    due_ = now + kRewriteAfter;
    is_shown_ = true;
    return;
  }
  fmt::print(stderr, "hvo-bench: {}\n", text);
  due_ = now + kLineAfter;
}

void Progress::clear() {
  if (is_shown_) fmt::print(stderr, "\r\033[K");
  is_shown_ = false;
}

}  // namespace hvo::bench::savings
