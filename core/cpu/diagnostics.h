// What is known about a CPU beside its simulated state: counters, violations, flight recorder, current activity.
//
// Stands outside the arena (two runs that differ only in counters are in the same state) and is never a step. All of
// it has one writer, its CPU; the watchdog alone reads it while the CPU runs, through relaxed atomics.
#pragma once

#include <array>
#include <atomic>
#include <chrono>

#include "core/base/events.h"
#include "core/base/violation.h"
#include "core/cpu/access.h"

#if defined(__clang__)
/// For detectors and recorders only: what they touch must order nothing, also not in the eyes of ThreadSanitizer.
#define HVO_DETECTOR [[clang::disable_sanitizer_instrumentation]]
#else
#define HVO_DETECTOR
#endif

namespace hvo {

/// The violations of a CPU: the first of each kind (rule, operation, text) in full, how many there were of it, and of
/// each rule.
struct ViolationLog {
  static constexpr unsigned kKept = 16;
  std::array<Violation, kKept> first{};
  std::array<u64, kKept> times{};
  unsigned nr_kept = 0;
  std::array<u64, kNrRules> count{};

  void add(const Violation& v) {
    ++count[static_cast<unsigned>(v.rule)];
    for (unsigned i = 0; i < nr_kept; ++i) {
      if (first[i].rule != v.rule || first[i].op != v.op || first[i].what != v.what) continue;
      ++times[i];
      return;
    }
    if (nr_kept == kKept) return;
    first[nr_kept] = v;
    times[nr_kept++] = 1;
  }
  u64 total() const {
    u64 n = 0;
    for (const u64 c : count) n += c;
    return n;
  }
};

/// What the flight recorder keeps of one moment.
enum class Mark : u8 {
  op_begin,
  op_end,
  pte_store,
  pmd_store,
  flush_post,
  served,
  lock,
  unlock,
  wait,
  trap,
  violation
};

constexpr std::string_view mark_name(Mark m) {
  constexpr std::array<std::string_view, 11> kNames{"begin",  "end",  "pte=",  "pmd=", "flush",    "served",
                                                    "locked", "free", "waits", "trap", "violation"};
  return kNames[static_cast<unsigned>(m)];
}

struct Recorded {
  u64 ns = 0;  ///< steady clock
  u64 object = 0;
  u64 value = 0;
  Mark mark{};
  Op op{};
};

/// A ring of the last moments of one CPU.
class FlightRecorder {
 public:
  static constexpr unsigned kSize = 128;

  HVO_DETECTOR void record(Mark mark, Op op, u64 object, u64 value) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    ring_[next_ % kSize] = {static_cast<u64>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()), object,
                            value, mark, op};
    ++next_;
  }
  /// The i-th newest, 0 the newest; i < size(). May be torn when its CPU is still running: for a dump only.
  HVO_DETECTOR Recorded newest(unsigned i) const { return ring_[(next_ - 1 - i) % kSize]; }
  HVO_DETECTOR unsigned size() const { return next_ < kSize ? static_cast<unsigned>(next_) : kSize; }
  void clear() { next_ = 0; }

 private:
  std::array<Recorded, kSize> ring_{};
  u64 next_ = 0;
};

/// What a CPU is doing right now, for the watchdog.
struct Activity {
  std::atomic<Op> op{Op::none};
  std::atomic<WaitFor> wait{WaitFor::nothing};
  std::atomic<u64> wait_object{0};
  std::atomic<u64> nr_ops{0};    ///< operations finished
  std::atomic<u64> nr_marks{0};  ///< what it recorded beside waiting and serving, whether or not it was kept
};

/// On cache lines of its own, also those that are fetched in pairs: its neighbour belongs to another CPU.
struct alignas(128) Diagnostics {
  EventCounts counts;
  ViolationLog violations;
  FlightRecorder recorder;
  Activity activity;
  bool recording = true;

  void clear() {
    counts = {};
    if (violations.nr_kept != 0) violations = {};
    recorder.clear();
    activity.op.store(Op::none, std::memory_order::relaxed);
    activity.wait.store(WaitFor::nothing, std::memory_order::relaxed);
  }
};

}  // namespace hvo
