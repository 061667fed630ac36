// Arm: one thing that is measured, whoever measures it: Google Benchmark's table or the paired rounds of the summary.
#pragma once

#include <time.h>  // <ctime> need not have clock_gettime

#include <functional>
#include <string>
#include <vector>

#include "core/base/types.h"

namespace hvo::bench {

/// One thing that is measured. Not thread-safe: arms share machines, one runs at a time.
struct Arm {
  std::string name;  ///< parts joined by '/', as style.md has it
  std::string what;  ///< one operation of it, in words
  u64 batch = 1;     ///< operations that are worth one call: milliseconds
  /// Does n operations (a multiple of `batch` or fewer) and returns the nanoseconds that they took. What has to be made
  /// ready before, or undone after, is done in the same call and not timed.
  std::function<double(u64 n)> run;
};

/// The caller's time on a CPU from its construction on. Not the wall clock's: on a shared machine that also measures
/// the others. Where several threads matter together, run_threads (threads.h) takes the wall clock.
class Stopwatch {
 public:
  double ns() const { return now() - start_; }

 private:
  static double now() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
  }
  double start_ = now();
};

/// How much is measured.
struct Scale {
  u64 nr_hugepages = 1024;      ///< of each population
  u64 nr_lookups = 1 << 16;     ///< a pattern's length
  u64 nr_folios = 256;          ///< optimised and restored in a batch
  u64 nr_frames = 1 << 20;      ///< 4 GiB; half of them are taken and given back
  u64 bookkeeping_gib = 16;     ///< memory of the machine whose bookkeeping is counted
  unsigned nr_rounds = 31;      ///< of the summary, odd
  double table_seconds = 0.02;  ///< Google Benchmark's minimum for each row
};

/// Seconds for all of it, and no claim to precision: the smoke test.
constexpr Scale quick_scale() { return {64, 1 << 12, 16, 1 << 14, 1, 5, 0.0005}; }

}  // namespace hvo::bench
