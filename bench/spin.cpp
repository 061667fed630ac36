#include "bench/spin.h"

#include <array>

#include "bench/threads.h"

namespace hvo::bench {

namespace {

/// Some hundred cycles, whatever the compiler thinks of them.
constexpr u64 kTurnsPerStep = 64;

[[gnu::noinline]] u64 spin(u64 n) {
  u64 x = n;
  for (u64 i = 0; i < n * kTurnsPerStep; ++i) {
    x = x * 6364136223846793005U + 1442695040888963407U;
    asm volatile("" : "+r"(x));
  }
  return x;
}

}  // namespace

double time_spinning(u64 n, u32 nr_threads) {
  std::array<u64, 2> ends{};
  return run_threads(nr_threads, [&](u32 i) { ends[i] = spin(n / nr_threads); });
}

std::string spin_name(u32 nr_threads) { return "host/spin/" + std::to_string(nr_threads) + "-thread"; }

}  // namespace hvo::bench
