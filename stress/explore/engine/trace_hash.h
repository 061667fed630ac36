// TraceHash: a number for what a schedule comes to: which access saw which store, and in which order words were stored
// to. Schedules that differ only in the order of steps that do not meet have the same one, and end in the same state.
// Left out are plain accesses: what nobody else can see follows from what its CPU has seen.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "core/base/rng.h"
#include "stress/explore/engine/word_numbers.h"

namespace hvo::stress {

/// Of one machine. CPUs are 0 to 7. Not thread-safe.
class TraceHash {
  struct OfCpu {
    u64 hash = 0;
    u64 nr_writes = 0;
  };
  struct Written {
    std::size_t word;
    u32 name;  ///< of the write, but for its schedule
  };

 public:
  explicit TraceHash(const WordNumbers& words) : words_(words), writers_(std::make_unique<u64[]>(words.nr_words())) {}

  const WordNumbers& words() const { return words_; }
  /// A schedule begins. `keeps`: keep() will be called in its middle.
  void start(bool keeps = false) {
    keeps_ = keeps;
    ++generation_;
    cpus_ = {};
    written_.clear();
  }
  /// CPU `cpu` reads or writes a word, and got `result`.
  void note(u32 cpu, WordNumber word, bool is_write, u64 result) {
    OfCpu& c = cpus_[cpu];
    u64& writer = writers_[word.index];
    u64 h = (c.hash ^ result ^ word.index) * kFactor;
    h = (h ^ of_now(writer)) * kFactor;
    c.hash = h ^ h >> 29U;
    if (!is_write) return;
    writer = name(cpu);
    if (keeps_) written_.push_back({word.index, static_cast<u32>(writer)});
  }
  /// CPU `cpu` reads so many words, from `first` on, in one step: what it got follows from who wrote them.
  void note_line(u32 cpu, WordNumber first, u64 nr_words) {
    u64 h = first.index;
    for (u64 i = 0; i < nr_words; ++i) {
      // Few have been written since the schedule began.
      if (const u64 writer = of_now(writers_[first.index + i]); writer != 0) [[unlikely]] {
        h = (h ^ writer ^ i) * kFactor;
        h ^= h >> 29U;
      }
    }
    OfCpu& c = cpus_[cpu];
    h = (c.hash ^ h) * kFactor;
    c.hash = h ^ h >> 29U;
  }
  struct Kept {
    std::array<OfCpu, 8> cpus{};
    std::vector<Written> written{};
  };
  void keep(Kept& kept) const {
    kept.cpus = cpus_;
    kept.written = written_;
  }
  /// The schedule is where it was when that was kept, whichever were begun since.
  void go_back(const Kept& kept) {
    start(true);
    cpus_ = kept.cpus;
    written_ = kept.written;
    for (const Written& w : written_) writers_[w.word] = generation_ << 32U | w.name;
  }
  u64 value() const {
    u64 h = 0;
    for (const OfCpu& c : cpus_) h = mix64(h ^ c.hash);
    return h;
  }

 private:
  static constexpr u64 kFactor = 0x9fb21c651e98df25;
  /// A write: its schedule, its CPU, and the how-many-th it is.
  u64 name(u32 cpu) { return generation_ << 32U | u64{cpu + 1} << 24U | (++cpus_[cpu].nr_writes & 0xffffffU); }
  u64 of_now(u64 writer) const {
    return writer >> 32U == (generation_ & 0xffffffffU) ? (writer & 0xffffffffU) << 20U : 0;
  }
  WordNumbers words_;
  std::unique_ptr<u64[]> writers_;  // of each word, who wrote it last
  u64 generation_ = 0;
  std::array<OfCpu, 8> cpus_{};
  bool keeps_ = false;
  std::vector<Written> written_;  ///< in this schedule, in their order
};

}  // namespace hvo::stress
