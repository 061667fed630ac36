#include "program/progress_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

namespace hvo {

ProgressLine::ProgressLine(std::string program)
    : program_(std::move(program)), is_terminal_(isatty(STDERR_FILENO) != 0), due_(Clock::now() + period()) {}

ProgressLine::Clock::duration ProgressLine::period() const {
  return is_terminal_ ? Clock::duration(std::chrono::milliseconds(100)) : std::chrono::seconds(5);
}

void ProgressLine::show(const std::string& text) {
  if (!is_due()) return;
  if (is_terminal_) {
    fmt::print(stderr, "\r{}\033[K", text);
    is_shown_ = true;
  } else {
    fmt::print(stderr, "{}: {}\n", program_, text);
  }
  due_ = Clock::now() + period();
}

void ProgressLine::clear() {
  if (is_shown_) fmt::print(stderr, "\r\033[K");
  is_shown_ = false;
}

}  // namespace hvo
