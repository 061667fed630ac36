// WordHistory: what the words of a machine held since a schedule began, and who knows which of it.
//
// A word is 8 aligned bytes; accesses of 1, 2 and 4 bytes are parts of one, told apart by masks. All stores to a word
// stand in one order, that in which they were executed. An event is a store, or a load that read something its CPU did
// not know of; each CPU counts its own. A View says of each CPU how many of its events are known, and so, for each
// word, which stores may not be missed any more.
//
// All of it is one host thread's. Compiled without instrumentation, and nothing here is shared with other sources.
#pragma once

#include "core/base/types.h"

namespace hvo::stress {

/// Of CPU c, its first view[c] events are known: a row of as many numbers as there are CPUs.
using View = u32*;
using ConstView = const u32*;

/// Part of a word.
struct Part {
  u64* word = nullptr;
  u64 mask = 0;  ///< the bytes
  u32 shift = 0;

  static Part of(void* address, u32 bytes) {
    const u64 at = reinterpret_cast<u64>(address);
    const auto shift = static_cast<u32>(at % 8 * 8);
    const u64 mask = bytes == 8 ? ~u64{0} : ((u64{1} << bytes * 8) - 1) << shift;
    return {reinterpret_cast<u64*>(at - at % 8), mask, shift};
  }
  u64 get(u64 value) const { return (value & mask) >> shift; }
};

/// What memory holds. Volatile, so that no compiler makes a call of it that a sanitizer would see.
inline u64 peek(const u64* word) { return *static_cast<const volatile u64*>(word); }

/// What a word held from one store to the next. Its view stands behind it: what whoever acquires it gets to know.
struct Version {
  u64 value = 0;
  u64 mask = 0;  ///< the bytes that the store wrote
  u32 time = 0;
  u32 event = 0;  ///< of `cpu`; 0: known to all
  u32 cpu = 0;
  u32 reserved = 0;
  View view() { return reinterpret_cast<View>(this + 1); }
};

/// A CPU read a version that it did not have to know of.
struct Observation {
  u64 mask = 0;
  u32 event = 0;
  u32 cpu = 0;
  u32 version = 0;
  u32 reserved = 0;
};

/// The history of a word. Versions are numbered; the last few are kept.
struct Word8 {
  static constexpr u32 kVersions = 8;
  static constexpr u32 kObservations = 8;

  u64* word = nullptr;
  u64 stored = 0;  ///< the bytes that have a history; of the others only what memory holds counts
  u32 first = 0;   ///< the oldest version kept
  u32 last = 0;    ///< what memory holds
  u32 floor = 0;   ///< nobody reads an older one
  u32 nr_observations = 0;
  Observation observations[kObservations];
};

class WordHistory {
 public:
  explicit WordHistory(u32 nr_cpus);
  ~WordHistory();
  WordHistory(const WordHistory&) = delete;
  WordHistory& operator=(const WordHistory&) = delete;

  /// Forgets everything.
  void start();
  /// The history of a word, null if it has none. One that memory no longer agrees with, since something was changed
  /// behind the seam, is over: what memory holds is what everybody sees.
  Word8* find(u64* word) {
    for (u32 i = bucket_of(word);; i = (i + 1) & bucket_mask_) {
      const Bucket& b = buckets_[i];
      if (b.generation != generation_) return nullptr;
      Word8& w = at(b.index);
      if (w.word == word) return settle(w);
    }
  }
  /// The same, begun if there is none. Before a store to the bytes of `part`.
  Word8& touch(const Part& part);
  /// The next version, with the value `value` in all 8 bytes; its view is to be written by the caller. Takes a moment.
  Version& add(Word8& w, u64 value, u64 mask, u32 cpu, u32 event);
  Version& version(Word8& w, u32 number) { return version_at(w, number % Word8::kVersions); }
  /// The oldest version that `cpu`, which knows `view`, may read bytes of `mask` from.
  u32 floor(Word8& w, u64 mask, u32 cpu, ConstView view);
  /// The last version, not after `number`, that wrote bytes of `mask`; else the oldest kept.
  u32 wrote(Word8& w, u64 mask, u32 number) {
    while (number > w.first && (version(w, number).mask & mask) == 0) --number;
    return number;
  }
  /// `cpu` read a version beyond what it had to know.
  void observe(Word8& w, u64 mask, u32 cpu, u32 event, u32 version);
  /// The bytes of a version as they were, beside what has no history.
  u64 value(Word8& w, u32 number) { return (version(w, number).value & w.stored) | (peek(w.word) & ~w.stored); }
  /// A moment: all stores so far are not after it, all later ones are.
  u32 tick() { return now_++; }

 private:
  struct Bucket {
    u32 generation = 0;
    u32 index = 0;
  };
  u32 bucket_of(const u64* word) const {
    return static_cast<u32>((reinterpret_cast<u64>(word) >> 3) * 0x9e3779b97f4a7c15 >> 32) & bucket_mask_;
  }
  Word8& at(u32 index) { return *reinterpret_cast<Word8*>(words_ + u64{index} * stride_); }
  Version& version_at(Word8& w, u32 slot) {
    return *reinterpret_cast<Version*>(reinterpret_cast<std::byte*>(&w + 1) + u64{slot} * version_stride_);
  }
  Word8* settle(Word8& w) {
    if (((peek(w.word) ^ version(w, w.last).value) & w.stored) != 0) forget(w);
    return &w;
  }
  /// Begins with what memory holds.
  void forget(Word8& w);
  void grow();
  void put(u32 index);

  u32 nr_cpus_;
  u64 version_stride_;
  u64 stride_;
  u32 now_ = 0;
  u32 generation_ = 1;
  u32 bucket_mask_;
  u32 nr_words_ = 0;
  Bucket* buckets_;
  std::byte* words_;
};

}  // namespace hvo::stress
