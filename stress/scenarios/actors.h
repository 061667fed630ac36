// The actors: what a CPU does in one bounded operation.
#pragma once

#include "stress/scenario.h"

namespace hvo::stress {

void folio(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);          ///< a slot's folio comes or goes
void first_folio(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);    ///< slot 0's
void pages(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);          ///< ordinary pages and compounds
void referenced(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);     ///< lookup holding a reference
void speculative(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);    ///< lookup of any pfn
void aligned_tail(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);   ///< lookup of slot 0's possible fake heads
void walk(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);           ///< takes a reference on any pfn
void filtered_walk(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);  ///< the same, tails left out
void dump(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);           ///< page-table dump
void scribble(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);       ///< owns frames and verifies them

/// Gives all back, as CPU 0 of a machine whose other CPUs are idle for good.
void give_all_back(Cpu& cpu, Machine& machine, Shared& shared);

}  // namespace hvo::stress
