// compound_head() over really aliased memory: plain pointers, the host's MMU, one arm per design, population, pattern.
//
// The loops are those of arms/kernels.h, with its patched key. The baseline is there twice (`none` and `none-again`):
// what these two differ by is placement and noise, and no smaller difference between other arms means anything. Both
// test bit 0 with a branch, as the fake-head arms do; `none-branch-free` is the other shape that a compiler may choose.
#pragma once

#include <span>
#include <string_view>

#include "bench/arm.h"
#include "bench/population.h"

namespace hvo::bench {

/// How one lookup follows the other.
enum class Flow : u8 {
  stream,  ///< independent: what a lookup costs when the CPU can overlap them
  chain,   ///< the address of each needs a word of the head found before: what a lookup and the use of its answer take
};
std::string_view flow_name(Flow flow);

/// The lookup of a design as its users have it, and the machines on which it is right.
struct LookupDesign {
  std::string_view name;
  std::string_view kernel;        ///< its compound_head in arms/kernels.cpp
  bool key = false;               ///< fake-head check on
  std::string_view full_of;       ///< design of the machine with hugepages that are not optimised, or none
  std::string_view optimized_of;  ///< of the one with optimised ones
  std::string_view ordinary_of;
  std::string_view design_of(Kind kind) const;
};
/// The baseline first and second; then none-branch-free, two-frame, fake-head-off, fake-head-on, shared-tail.
std::span<const LookupDesign> lookup_designs();
const LookupDesign& lookup_design(std::string_view name);

/// Nanoseconds of n lookups of `pfns`, round and round, after one pass that is not timed. Checks each full pass against
/// `sum`, the sum of the heads' addresses; aborts when wrong, or when LoadedKernels::own() has an error.
double time_lookups(const LookupDesign& design, Flow flow, u64 base, std::span<const u32> pfns, u64 sum, u64 n);

/// "compound_head/<design>/<population>/<pattern>/<flow>"
std::string lookup_name(const LookupDesign& design, Kind kind, Pattern pattern, Flow flow);

}  // namespace hvo::bench
