// The actors: what a CPU does in one bounded operation.
#pragma once

#include "stress/scenario.h"

namespace hvo::stress {

// Folios come into a slot, where every CPU can find them, and go from it (folio_actors.cpp).
void folio(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);           ///< a default-size one, of the pool
void gigantic_folio(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);  ///< a gigantic one, of the pool
void fresh_folio(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);     ///< made new, and unmade when it goes
void first_folio(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);     ///< the same, in slot 0 only
void fresh_gigantic(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);  ///< the same, gigantic

void fresh_atomic(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);  ///< fresh; goes with interrupts off
void recycle(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);       ///< single pages, then a folio in their place

// Pools change (pool_actors.cpp).
void resize(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);           ///< the default pool grows or shrinks
void resize_gigantic(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);  ///< so does the gigantic one
void demote(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);           ///< a gigantic folio, if one is free

void dissolve(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);  ///< a hugepage that was seen in a slot
void poison(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);    ///< a memory error, a few per round
void sysctl(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);    ///< hugetlb_optimize_vmemmap on or off
void work(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);      ///< the worker of deferred frees

// Memory comes and goes (page_actors.cpp).
void pages(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);     ///< ordinary pages and compounds
void hog(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);       ///< nearly all free memory, for a while
void scribble(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);  ///< owns frames and verifies them

// Readers (lookup_actors.cpp).
void referenced(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);     ///< lookups holding a reference
void speculative(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);    ///< lookup of any pfn
void aligned_tail(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);   ///< lookups of slot 0's possible fake heads
void walk(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);           ///< takes a reference on any pfn
void filtered_walk(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);  ///< the same, tails left out
void near_walk(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);      ///< walks where slot 0's folio comes
void near_filtered_walk(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);
void dump(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);        ///< page-table dump
void dump_often(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);  ///< many dumps in a row

/// Gives all back and drains the pools, as CPU 0 of a machine whose other CPUs are idle for good and whose allocations
/// fail no more. False when something stayed behind.
bool give_all_back(Cpu& cpu, Machine& machine, Shared& shared);

}  // namespace hvo::stress
