// progress: says on stderr, while pools are built, how far that is.
#pragma once

#include <chrono>
#include <string>

#include "bench/savings/build.h"

namespace hvo::bench::savings {

/// "fake-head, 3 of 8: pool, 45 %".
std::string progress_text(std::string_view what, u64 nth, u64 all, Stage stage, u64 done, u64 of);

/// On a terminal one line, rewritten at most ten times a second; else a line every five seconds. One thread.
class Progress {
 public:
  /// `all`: how many pools are built.
  explicit Progress(u64 all);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// The next pool, by name.
  void next(std::string_view what);
  void operator()(Stage stage, u64 done, u64 of);
  /// Takes the line off the terminal.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  bool is_terminal_;
  u64 all_;
  u64 nth_ = 0;
  std::string what_;
  Clock::time_point due_;
  bool is_shown_ = false;
};

}  // namespace hvo::bench::savings
