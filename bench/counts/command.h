// hvo-bench counts: instructions, loads and branches of one lookup, on each path through it.
#pragma once

#include <cstdio>

#include "bench/counts/counter.h"

namespace hvo::bench {

/// argv[0] is "counts". Returns the exit code: 0 counted, 2 usage, 3 nothing to count with.
int counts_main(int argc, char** argv);

/// The table, 72 columns.
void print_counts(std::FILE* out, const CountResult& result);

}  // namespace hvo::bench
