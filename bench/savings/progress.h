// progress: says on stderr, while pools are built, how far that is.
#pragma once

#include <string>

#include "bench/savings/build.h"
#include "program/progress_line.h"

namespace hvo::bench::savings {

/// "fake-head, 3 of 8: pool, 45 %".
std::string progress_text(std::string_view what, u64 nth, u64 all, Stage stage, u64 done, u64 of);

/// Shows it. One thread.
class Progress {
 public:
  /// `all`: how many pools are built.
  explicit Progress(u64 all) : all_(all) {}

  /// The next pool, by name.
  void next(std::string_view what);
  void operator()(Stage stage, u64 done, u64 of);
  /// Takes the line off the terminal.
  void clear() { line_.clear(); }

 private:
  ProgressLine line_{"hvo-bench"};
  u64 all_;
  u64 nth_ = 0;
  std::string what_;
};

}  // namespace hvo::bench::savings
