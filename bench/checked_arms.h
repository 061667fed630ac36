// Lookups on the software machine: through a Cpu and its TLB, bare and held against the truth, beside the plain-pointer
// lookup of the very same struct pages.
#pragma once

#include <span>

#include "bench/arm.h"
#include "bench/population.h"

namespace hvo::bench {

/// Which simulated translations a pattern meets.
enum class Translations : u8 {
  hit,    ///< PTEs, all cached: 4 optimised hugepages, half of the pages that the TLB has room for
  miss,   ///< PTEs, next to none cached: any struct page of all optimised hugepages
  block,  ///< one PMD leaf, cached: 4 hugepages that were never optimised
};
std::string_view translations_name(Translations t);

/// What a lookup goes through.
enum class Route : u8 {
  plain,    ///< a pointer, the host's MMU, fake-head check on
  cpu,      ///< a Cpu
  checked,  ///< a Cpu, and the answer is held against the truth: what the stress does
};
std::string_view route_name(Route route);

/// The pfns that meet such translations.
std::vector<u32> translated_pfns(const Population& population, Translations t, u64 length);

/// Nanoseconds of n lookups in all, shared among `nr_cpus` (1 or 2) threads, each acting as a Cpu. Aborts when an
/// answer is wrong. `design` of the population decides which lookup it is.
double time_routed_lookups(Population& population, Route route, std::span<const u32> pfns, u64 n, u32 nr_cpus);

/// Simulated page-table walks per lookup of a pattern, by the machine's own count.
double walks_per_lookup(Population& population, std::span<const u32> pfns);

/// "lookup/<route>/<translations>/<n>-cpu"
std::string routed_name(Route route, Translations t, u32 nr_cpus);

}  // namespace hvo::bench
