// What readers do to one page: look up its head, or take a reference on it as a pfn walker does.
#pragma once

#include "core/machine/machine.h"
#include "core/vmemmap/lookup_check.h"
#include "stress/grading.h"

namespace hvo::stress {

/// compound_head() by the encoding of the machine's design, held against the truth.
LookupResult look_up(Cpu& cpu, Machine& machine, Pfn pfn);
/// What a lookup without a reference counts as.
Key key_of(LookupResult result);

/// Takes a reference by who has not looked at what the page is: it traps where walkers do.
bool take_reference_as_walker(Cpu& cpu, Machine& machine, Page page);
/// Takes a reference on any page and gives it back. A trap ends it.
void walk_one(Cpu& cpu, Machine& machine, Pfn pfn);
/// The same, but tails are left out.
void filtered_walk_one(Cpu& cpu, Machine& machine, Pfn pfn);

}  // namespace hvo::stress
