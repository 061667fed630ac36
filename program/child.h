// Child: another process, and what it printed.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

namespace hvo {

/// Where this program's file is.
std::filesystem::path own_program();

/// Runs a program of PATH, and waits. Its standard error is ours. All that it printed.
/// Error: the end it met, or that it is not there, to be read after its name.
std::expected<std::string, std::string> run_program(const std::vector<std::string>& arguments);

/// A program that was run.
struct Timed {
  std::string text;        ///< all that it printed
  int code = 0;            ///< what it ended with
  double cpu_seconds = 0;  ///< of user and kernel together, from its start to its end
};

/// Runs a program of PATH, or the one of a path with a '/', and waits. Its standard error is ours.
/// Error: the signal that ended it, or that it is not there, to be read after its name.
std::expected<Timed, std::string> run_timed(const std::vector<std::string>& arguments);

/// Runs this program again with these arguments, and waits; it is sent SIGTERM when is_interrupted() (signals.h), also
/// where the interrupt was not a terminal's and ours alone. Its standard error is ours. The first line that it printed.
/// Error: one line for the user, with the end it met; when it printed an error itself, that is not repeated.
std::expected<std::string, std::string> run_self(const std::vector<std::string>& arguments);

/// A program that may crash, hang or talk without end, and can't take us with it.
struct Bounded {
  std::string text{};           ///< what it printed, both streams as they came; of much the first and the last part
  int code = 0;                 ///< what it ended with, if no signal ended it
  int signal = 0;               ///< that ended it, or 0
  bool is_late = false;         ///< it was killed, for its time was up
  bool is_interrupted = false;  ///< it was killed, for we were interrupted
  double seconds = 0;           ///< by the clock
};

/// Runs a program of PATH, or the one of a path with a '/', and waits `seconds` at most: then it is killed, as when
/// is_interrupted() (signals.h). Processes that it leaves behind are not waited for.
/// Error: it did not start, to be read after its name.
std::expected<Bounded, std::string> run_bounded(const std::vector<std::string>& arguments, double seconds);

}  // namespace hvo
