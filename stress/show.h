// show: one folio's vmemmap before and after optimising.
#pragma once

#include "core/machine/machine.h"

namespace hvo::stress {

/// Prints to stdout. Exit code.
int show(const Design& design);

}  // namespace hvo::stress
