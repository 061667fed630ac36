// Footprints: which words of modelled memory each CPU has touched, so that an exploration leaves out schedules that
// differ in nothing.
//
// A switch to another CPU before a step that touches nothing of that CPU's is the same as a switch after it. So only
// steps that meet another CPU need alternatives. What a CPU touches is learned while exploring: when a pass has learned
// something new, it has to be made again. Within a bound on preemptions this is sound: the switch that is left out has
// a twin later in the same CPU's turn, with as many preemptions.
#pragma once

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "stress/explore/engine/word_numbers.h"

namespace hvo::stress {

/// Of machines alike: shared by the workers that explore them. CPUs are 0 to 7.
class Footprints {
 public:
  explicit Footprints(const WordNumbers& words)
      : nr_words_(words.nr_words()),
        nr_frames_(words.nr_frames()),
        words_(std::make_unique<std::atomic<u16>[]>(words.nr_words())),
        in_frame_(std::make_unique<std::atomic<u16>[]>(words.nr_frames())),
        fills_(std::make_unique<std::atomic<u16>[]>(words.nr_frames())) {}

  /// CPU `cpu` reads or writes a word. True when another CPU touches it too, and one of the two writes.
  bool note(u32 cpu, WordNumber word, bool is_write) {
    const Bits bits = bits_of(cpu, is_write);
    bool met = (touch(words_[word.index], bits.mine) & bits.meets) != 0;
    if (word.frame != kNoFrame) {
      touch(in_frame_[word.frame.v], bits.mine);
      met = met || (fills_[word.frame.v].load(std::memory_order::relaxed) & bits.meets) != 0;
    }
    return met;
  }
  /// The same of a whole frame that is filled.
  bool note_fill(u32 cpu, FrameNo frame) {
    const Bits bits = bits_of(cpu, true);
    touch(fills_[frame.v], bits.mine);
    return ((in_frame_[frame.v].load(std::memory_order::relaxed) | fills_[frame.v].load(std::memory_order::relaxed)) &
            bits.meets) != 0;
  }
  /// All that is known, to be told to another one of the same machine. No worker runs.
  std::vector<std::pair<u32, u16>> known() const {
    std::vector<std::pair<u32, u16>> all;
    for (u32 i = 0; i < places(); ++i) {
      if (const u16 bits = place(i).load(std::memory_order::relaxed); bits != 0) all.emplace_back(i, bits);
    }
    return all;
  }
  void learn(const std::vector<std::pair<u32, u16>>& known) {
    for (const auto& [i, bits] : known) {
      if (i < places()) place(i).fetch_or(bits, std::memory_order::relaxed);
    }
  }
  void note_growth() { has_grown_.store(true, std::memory_order::relaxed); }
  /// True when something new was learned since the last call. No worker runs.
  bool take_growth() { return has_grown_.exchange(false, std::memory_order::relaxed); }

 private:
  /// Words, then frames, then fills.
  std::size_t places() const { return nr_words_ + 2 * nr_frames_; }
  std::atomic<u16>& place(std::size_t i) const {
    if (i < nr_words_) return words_[i];
    i -= nr_words_;
    return i < nr_frames_ ? in_frame_[i] : fills_[i - nr_frames_];
  }
  struct Bits {
    u16 mine;
    u16 meets;  ///< of others, that matter to this access
  };
  /// Readers are the low bits of a word, writers the high ones.
  static constexpr Bits bits_of(u32 cpu, bool is_write) {
    const u32 read = 1U << cpu;
    const u32 write = 0x100U << cpu;
    const u32 others_write = 0xff00U & ~write;
    if (!is_write) return {static_cast<u16>(read), static_cast<u16>(others_write)};
    return {static_cast<u16>(read | write), static_cast<u16>(others_write | (0xffU & ~read))};
  }
  u16 touch(std::atomic<u16>& word, u16 mine) {
    const u16 seen = word.load(std::memory_order::relaxed);
    if ((seen & mine) == mine) return seen;
    has_grown_.store(true, std::memory_order::relaxed);
    return word.fetch_or(mine, std::memory_order::relaxed);
  }

  std::size_t nr_words_;
  std::size_t nr_frames_;
  std::unique_ptr<std::atomic<u16>[]> words_;     // NOLINT(modernize-avoid-c-arrays): atomics can't be moved
  std::unique_ptr<std::atomic<u16>[]> in_frame_;  // NOLINT(modernize-avoid-c-arrays): of each frame, any word
  std::unique_ptr<std::atomic<u16>[]> fills_;     // NOLINT(modernize-avoid-c-arrays): of each frame, as a whole
  std::atomic<bool> has_grown_{false};
};

}  // namespace hvo::stress
