// What two threads that share nothing do in the time of one, on this host, now: the measure for whatever is said of two
// CPUs.
#pragma once

#include <string>

#include "core/base/types.h"

namespace hvo::bench {

/// Nanoseconds in which `nr_threads` do n steps together, in registers alone.
double time_spinning(u64 n, u32 nr_threads);
/// "host/spin/2-thread".
std::string spin_name(u32 nr_threads);

}  // namespace hvo::bench
