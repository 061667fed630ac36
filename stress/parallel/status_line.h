// StatusLine: says on stderr, while a run goes on, that it is alive and how it fares.
#pragma once

#include <optional>
#include <string>

#include "stress/parallel/live.h"

namespace hvo::stress {

struct Progress {
  double seconds = 0;
  std::optional<double> seconds_left;
  u64 nr_rounds = 0;  ///< the one that runs counts
  LiveNumbers numbers;
};

/// At most 88 columns, so that 100 hold it behind the program's name; rates are per second. FORB: forbidden outcomes.
std::string status_text(const Progress& progress, double ops_rate, double lookups_rate);

/// On a terminal one line that is rewritten five times a second, cut to the terminal's width; else a line every five
/// seconds. One user.
class StatusLine {
 public:
  enum class Form : u8 { none, rewritten, appended };
  /// rewritten on a terminal, appended elsewhere.
  static Form form_for_stderr();

  explicit StatusLine(Form form) : form_(form), due_(period()) {}
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;
  ~StatusLine() { clear(); }

  bool is_due(double seconds) const { return form_ != Form::none && seconds >= due_; }
  void show(const Progress& progress);
  /// Takes a rewritten line off the terminal.
  void clear();

 private:
  double period() const { return form_ == Form::rewritten ? 0.2 : 5; }

  Form form_;
  double due_;
  std::size_t width_ = 0;  ///< of what stands on the terminal
  double last_seconds_ = 0;
  LiveNumbers last_;
  double ops_rate_ = 0;
  double lookups_rate_ = 0;
};

}  // namespace hvo::stress
