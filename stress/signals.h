// signals: Ctrl-C and SIGTERM end a run early with its results; a crash says how to repeat it.
//
// Handlers run on any thread at any moment: they touch lock-free atomics and fixed buffers, and call async-signal-safe
// functions only.
#pragma once

#include <string>

#include "core/base/types.h"

namespace hvo::stress {

/// SIGINT and SIGTERM: the first one sets is_interrupted(), the second removes the temporary files and ends the process
/// with 130. SIGPIPE is ignored: a closed pipe is an error of a write, not the end of the run.
void install_interrupt_handlers();
bool is_interrupted();

/// SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT: seed, round and `command` with the round's seed on stderr, temporary
/// files removed, exit 5. AddressSanitizer gets the signal afterwards, for its own report.
/// `command` is without a seed. Call once.
void install_crash_handlers(const std::string& command, u64 seed);
/// What a crash from now on is part of. `nth` counts from 0.
void note_round(u64 nth, u64 seed);

/// A file that a sudden end must not leave behind; at most 8, longer paths than 4095 bytes are left out.
void note_temporary(const std::string& path);
void forget_temporary(const std::string& path);
/// Removes them all. Async-signal-safe.
void remove_temporaries();

}  // namespace hvo::stress
