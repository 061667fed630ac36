#include "stress/parallel/status_line.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "stress/numbers.h"

namespace hvo::stress {

namespace {

constexpr double kSmoothing = 1;  // seconds over which a rewritten rate is averaged

std::size_t terminal_width() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20) return 80;
  return size.ws_col;
}

std::string left_text(const Progress& p) {
  if (!p.seconds_left) return "no end set";
  const double s = *p.seconds_left;
  if (s < 9999.5) return fmt::format("{:.0f} s left", s);
  return s < 59970 ? fmt::format("{:.0f} min left", s / 60) : fmt::format("{:.0f} h left", s / 3600);
}

}  // namespace

std::string status_text(const Progress& p, double ops_rate, double lookups_rate) {
  const LiveNumbers& n = p.numbers;
  const auto shortly = [](u64 v) { return short_number(static_cast<double>(v)); };
  return fmt::format("{}: {} op/s {} lookup/s; opt {} saved {}; int {} hole {} FORB {}", left_text(p),
                     short_number(ops_rate), short_number(lookups_rate), shortly(n.nr_optimized),
                     shortly(n.frames_saved), shortly(n.interesting), shortly(n.known_hole), shortly(n.forbidden));
}

StatusLine::Form StatusLine::form_for_stderr() { return isatty(STDERR_FILENO) != 0 ? Form::rewritten : Form::appended; }

void StatusLine::show(const Progress& p) {
  const double dt = std::max(p.seconds - last_seconds_, 1e-3);
  const double weight = form_ == Form::rewritten ? std::min(1.0, dt / kSmoothing) : 1.0;
  const auto ops = static_cast<double>(p.numbers.nr_ops - std::min(p.numbers.nr_ops, last_.nr_ops));
  const auto lookups = static_cast<double>(p.numbers.nr_lookups - std::min(p.numbers.nr_lookups, last_.nr_lookups));
  ops_rate_ += (ops / dt - ops_rate_) * weight;
  lookups_rate_ += (lookups / dt - lookups_rate_) * weight;
  last_ = p.numbers;
  last_seconds_ = p.seconds;
  due_ = p.seconds + period();
  if (form_ == Form::appended) {
    std::fputs(fmt::format("hvo-stress: {}\n", status_text(p, ops_rate_, lookups_rate_)).c_str(), stderr);
    return;
  }
  std::string text = status_text(p, ops_rate_, lookups_rate_);
  text.resize(std::min(text.size(), terminal_width() - 1));
  const std::size_t width = text.size();
  text.resize(std::max(width, width_), ' ');  // covers what stood there
  width_ = width;
  std::fputs(("\r" + text).c_str(), stderr);
}

void StatusLine::clear() {
  if (width_ == 0) return;
  std::fputs(("\r" + std::string(width_, ' ') + "\r").c_str(), stderr);
  width_ = 0;
}

}  // namespace hvo::stress
