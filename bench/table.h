// The table: every arm under Google Benchmark, one after the other.
#pragma once

#include <string>
#include <vector>

#include "bench/suite.h"

namespace hvo::bench {

/// What Google Benchmark said of one arm (or of an aggregate of its repetitions).
struct TableRow {
  std::string name;
  double ns = 0;  ///< per operation
  u64 operations = 0;
};

/// Registers every arm. Once per process.
void register_arms(const Suite& suite);

struct Table {
  u64 nr_matched = 0;  ///< arms that --benchmark_filter let through
  std::vector<TableRow> rows;
};

/// Runs what --benchmark_filter lets through, after benchmark::Initialize, and prints a line for each (100 columns at
/// most), or, without `own_format`, what --benchmark_format asks for.
Table run_table(bool own_format);

}  // namespace hvo::bench
