// Worker: one process of a comparison. Boots the machines that its design needs, mirrors them, and lets Google
// Benchmark time every cell of every case, in random interleaving.
#pragma once

#include <expected>
#include <map>
#include <string>

#include "bench/compare/cells.h"

namespace hvo::bench {

/// What one process measures.
struct Job {
  std::string design;     ///< one of compared_designs()
  std::string placement;  ///< path of a shared object of kernels; empty: those of the program
  u64 seed = 1;           ///< draws which copy of the baseline is `none`, and the order of the cases
  Extent extent = Extent::all;
  bool plant = false;
  unsigned repetitions = 5;
};

/// What came of it.
struct Measured {
  Job job;
  std::string compiler;
  std::string flags;
  std::string key;       ///< how the static key is switched
  std::string not_huge;  ///< why there are no 2 MiB pages; empty: there are
  /// Case and cell, joined by '|': nanoseconds a lookup, the median of the repetitions.
  std::map<std::string, double> ns;
};

/// The key in Measured::ns.
std::string cell_key(const std::string& case_name, const std::string& cell_name);

/// Measures in this process. Error: one line for the user.
std::expected<Measured, std::string> run_job(const Job& job);

}  // namespace hvo::bench
