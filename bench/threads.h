// run_threads: the same work on several host threads at once, timed from the first start to the last end.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "bench/arm.h"

namespace hvo::bench {

/// Calls body(0) … body(nr - 1), each on a thread of its own (body(0) on the caller's), all let go at one moment.
/// Nanoseconds from the first that began to the last that ended, by the wall clock; of one alone, its time on a CPU.
template <class Body>
double run_threads(u32 nr, const Body& body) {
  if (nr == 1) {
    const Stopwatch watch;
    body(0);
    return watch.ns();
  }
  using Clock = std::chrono::steady_clock;
  struct Span {
    Clock::time_point begin;
    Clock::time_point end;
  };
  std::vector<Span> spans(nr);
  std::atomic<u32> missing{nr};
  auto act = [&](u32 i) {
    missing.fetch_sub(1, std::memory_order::acq_rel);
    while (missing.load(std::memory_order::acquire) != 0) {
    }
    spans[i].begin = Clock::now();
    body(i);
    spans[i].end = Clock::now();
  };
  {
    std::vector<std::jthread> threads;
    for (u32 i = 1; i < nr; ++i) threads.emplace_back(act, i);
    act(0);
  }
  const auto begin = std::ranges::min(spans, {}, &Span::begin).begin;
  const auto end = std::ranges::max(spans, {}, &Span::end).end;
  return static_cast<double>(std::chrono::duration_cast<std::chrono::nanoseconds>(end - begin).count());
}

}  // namespace hvo::bench
