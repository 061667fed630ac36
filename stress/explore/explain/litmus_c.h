// litmus_c: the racing accesses of a schedule as a litmus test in C, for herd7 and the kernel's memory model (LKMM).
//
// What it says: which values the loads of these accesses gave, and whether the model allows that. Only words that two
// CPUs touch, one of them writing, are in it; the locks held by both meanwhile; read sections and grace periods.
// Mutexes are written as spin locks. Dependencies between accesses are left out, so the model may allow more than the
// kernel's code does.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "stress/explore/explain/culprits.h"

namespace hvo::stress {

/// More accesses than this and herd7 would run for hours.
inline constexpr std::size_t kMostLitmusAccesses = 20;

/// `name`: letters, figures, + and -. Error: a sentence that says why this story is no litmus test. `machine`: as for
/// PastMemory.
std::expected<std::string, std::string> litmus_c(const std::string& name, Machine& machine,
                                                 const std::vector<Moment>& moments, const Culprits& culprits);

}  // namespace hvo::stress
