// WordNumbers: numbers for the words of a machine.
#pragma once

#include <cstddef>

#include "core/base/units.h"

namespace hvo::stress {

/// A word of 8 bytes, and the frame that it lies in, if it lies in one.
struct WordNumber {
  std::size_t index = 0;
  FrameNo frame = kNoFrame;
};

/// The words of the arena first, then those of the memory. The same for machines alike.
class WordNumbers {
 public:
  WordNumbers(std::size_t arena_bytes, std::size_t memory_bytes, u8 page_shift)
      : nr_arena_words_(arena_bytes / 8 + 1), memory_bytes_(memory_bytes), page_shift_(page_shift) {}

  std::size_t nr_words() const { return nr_arena_words_ + memory_bytes_ / 8; }
  u8 page_shift() const { return page_shift_; }
  std::size_t nr_frames() const { return memory_bytes_ >> page_shift_; }
  WordNumber of_arena(u64 offset) const { return {offset / 8}; }
  WordNumber of_memory(u64 offset) const {
    return {nr_arena_words_ + offset / 8, {static_cast<u32>(offset >> page_shift_)}};
  }

 private:
  std::size_t nr_arena_words_;
  std::size_t memory_bytes_;
  u8 page_shift_;
};

}  // namespace hvo::stress
