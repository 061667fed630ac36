// signals: Ctrl-C and SIGTERM end a run early with its results; no sudden end leaves half a file behind.
//
// Handlers run on any thread at any moment: they touch lock-free atomics and fixed buffers, and call async-signal-safe
// functions only.
#pragma once

#include <string>
#include <string_view>

#include "core/base/types.h"

namespace hvo {

/// SIGINT and SIGTERM: the first one sets is_interrupted(), the second removes the temporary files and ends the process
/// with 130. SIGPIPE is ignored: a closed pipe is an error of a write, not the end of the run.
void install_interrupt_handlers();
/// Any thread.
bool is_interrupted();

/// SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT: "program: crash: SIGSEGV" on stderr, then what `explain` adds,
/// temporary files removed, exit 5. AddressSanitizer gets the signal afterwards, for its own report. `explain` runs in
/// the handler and speaks by say_at_crash; it may be null. Call once.
void install_crash_handlers(const std::string& program, void (*explain)());
/// To stderr. Async-signal-safe.
void say_at_crash(std::string_view text);
void say_at_crash(u64 n);

/// Text of fixed size, for handlers: longer than 4095 bytes it is cut.
class SignalText {
 public:
  /// Before the handlers are there.
  void set(std::string_view text);
  const char* c_str() const { return text_; }

 private:
  char text_[4096] = {};
};

/// A file that a sudden end must not leave behind; at most 8, longer paths than 4095 bytes are left out.
void note_temporary(const std::string& path);
void forget_temporary(const std::string& path);
/// Removes them all. Async-signal-safe.
void remove_temporaries();

}  // namespace hvo
