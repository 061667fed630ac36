// ScheduleFile: one schedule, to be run again by `hvo-stress replay`, to the bit.
#pragma once

#include "stress/explore/options.h"

namespace hvo::stress {

struct ScheduleFile {
  std::string program;  ///< the words that make it: program_words()
  std::string subject;  ///< of these what --scenario names; for readers, not read back
  Witness witness;
  u64 start_hash = 0;   ///< state of the machine at the start
  std::string command;  ///< that found it
};

/// As JSON.
std::string schedule_text(const ScheduleFile& file);
/// Error: one line for the user.
std::expected<ScheduleFile, std::string> parse_schedule(const std::string& text);

}  // namespace hvo::stress
