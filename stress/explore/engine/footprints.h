// Footprints: which words of modelled memory each CPU has touched, so that an exploration leaves out schedules that
// differ in nothing.
//
// A switch to another CPU before a step that touches nothing of that CPU's is the same as a switch after it. So only
// steps that meet another CPU need alternatives. What a CPU touches is learned while exploring: when a pass has learned
// something new, it has to be made again. Within a bound on preemptions this is sound: the switch that is left out has
// a twin later in the same CPU's turn, with as many preemptions.
//
// What a CPU keeps in its TLB is touched by who flushes it: an access through a block of vmemmap that another CPU
// flushes meets that CPU, though no word be shared. And where a CPU could serve a request but not at its next step (in
// the middle of a walk; with interrupts off), the two places are the same only if nobody ever asks anything of it.
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
      : in_frame_(words.nr_words()),
        fills_(in_frame_ + words.nr_frames()),
        blocks_(fills_ + words.nr_frames()),
        asked_(blocks_ + kBlocks),
        nr_places_(asked_ + kMostCpus),
        touched_(std::make_unique<std::atomic<u16>[]>(nr_places_)) {}

  /// CPU `cpu` reads or writes a word. True when another CPU touches it too, and one of the two writes.
  bool note(u32 cpu, WordNumber word, bool is_write) {
    const Bits bits = bits_of(cpu, is_write);
    bool met = (touch(word.index, bits.mine) & bits.meets) != 0;
    if (word.frame != kNoFrame) {
      touch(in_frame_ + word.frame.v, bits.mine);
      met = met || (known_of(fills_ + word.frame.v) & bits.meets) != 0;
    }
    return met;
  }
  /// The same of a whole frame that is filled.
  bool note_fill(u32 cpu, FrameNo frame) {
    const Bits bits = bits_of(cpu, true);
    touch(fills_ + frame.v, bits.mine);
    return ((known_of(in_frame_ + frame.v) | known_of(fills_ + frame.v)) & bits.meets) != 0;
  }
  /// CPU `cpu` translates an address of this block of vmemmap: what one PMD maps, for a TLB may keep it as one entry.
  /// True when another CPU flushes something of it.
  bool note_translation(u32 cpu, u64 block) {
    const Bits bits = bits_of(cpu, false);
    return (touch(blocks_ + block % kBlocks, bits.mine) & bits.meets) != 0;
  }
  /// CPU `cpu` asks something of CPU `of`.
  void note_request(u32 cpu, u32 of) { touch(asked_ + of, bits_of(cpu, true).mine); }
  /// CPU `cpu` flushes something of each of these blocks, last inclusive.
  void note_flush(u32 cpu, u64 first, u64 last) {
    const u64 nr = last - first >= kBlocks ? kBlocks : last - first + 1;
    for (u64 i = 0; i < nr; ++i) touch(blocks_ + (first + i) % kBlocks, bits_of(cpu, true).mine);
  }
  /// Another CPU asks something of CPU `cpu`.
  bool is_asked(u32 cpu) {
    const Bits bits = bits_of(cpu, false);
    return (touch(asked_ + cpu, bits.mine) & bits.meets) != 0;
  }
  /// All that is known, to be told to another one of the same machine. No worker runs.
  std::vector<std::pair<u32, u16>> known() const {
    std::vector<std::pair<u32, u16>> all;
    for (u32 i = 0; i < nr_places_; ++i) {
      if (const u16 bits = known_of(i); bits != 0) all.emplace_back(i, bits);
    }
    return all;
  }
  void learn(const std::vector<std::pair<u32, u16>>& known) {
    for (const auto& [i, bits] : known) {
      if (i < nr_places_) touched_[i].fetch_or(bits, std::memory_order::relaxed);
    }
  }
  void note_growth() { has_grown_.store(true, std::memory_order::relaxed); }
  /// True when something new was learned since the last call. No worker runs.
  bool take_growth() { return has_grown_.exchange(false, std::memory_order::relaxed); }

 private:
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
  u16 known_of(std::size_t place) const { return touched_[place].load(std::memory_order::relaxed); }
  u16 touch(std::size_t place, u16 mine) {
    const u16 seen = known_of(place);
    if ((seen & mine) == mine) return seen;
    has_grown_.store(true, std::memory_order::relaxed);
    return touched_[place].fetch_or(mine, std::memory_order::relaxed);
  }

  static constexpr std::size_t kBlocks = 1024;
  static constexpr std::size_t kMostCpus = 8;
  // Places: all words; of each frame any word of it; each frame as a whole; blocks of vmemmap, of which some share a
  // place; of each CPU, who asks something of it.
  std::size_t in_frame_, fills_, blocks_, asked_, nr_places_;
  std::unique_ptr<std::atomic<u16>[]> touched_;  // atomics can't be moved
  std::atomic<bool> has_grown_{false};
};

}  // namespace hvo::stress
