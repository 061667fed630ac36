// crash_report: a crash of hvo-stress says how to repeat the round that it was in.
#pragma once

#include <string>

#include "core/base/types.h"

namespace hvo::stress {

/// Installs the crash handlers (program/signals.h): they add seed, round, and `command` with the round's seed.
/// `command` is without a seed. Call once.
void install_crash_report(const std::string& command, u64 seed);
/// What a crash from now on is part of. `nth` counts from 0.
void note_round(u64 nth, u64 seed);

}  // namespace hvo::stress
