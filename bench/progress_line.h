// ProgressLine: how far something is, on stderr: on a terminal one line, rewritten; else a line every few seconds.
#pragma once

#include <chrono>
#include <string>

namespace hvo::bench {

/// One thread.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  bool is_terminal() const { return is_terminal_; }
  /// True when show() would show something: ten times a second at most, or every five seconds.
  bool is_due() const { return Clock::now() >= due_; }
  void show(const std::string& text);
  /// Takes the line off the terminal.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  Clock::duration period() const;

  bool is_terminal_;
  bool is_shown_ = false;
  Clock::time_point due_;
};

}  // namespace hvo::bench
