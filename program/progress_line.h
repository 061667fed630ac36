// ProgressLine: how far something is, on stderr: on a terminal one line, rewritten; else a line every few seconds.
#pragma once

#include <chrono>
#include <string>

namespace hvo {

/// One thread.
class ProgressLine {
 public:
  /// `program`: stands before each line that is not rewritten.
  explicit ProgressLine(std::string program);
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

  std::string program_;
  bool is_terminal_;
  bool is_shown_ = false;
  Clock::time_point due_;
};

}  // namespace hvo
