// Pte and Pmd: page-table entries as values. Bits as on x86-64; the transitions are pure.
#pragma once

#include "core/base/units.h"

namespace hvo {

inline constexpr u64 kEntryPresent = 1;
inline constexpr u64 kEntryWritable = 2;
inline constexpr u64 kEntryLeaf = 0x80;  ///< _PAGE_PSE: a PMD that maps a block itself
inline constexpr unsigned kEntryFrameShift = 12;

/// One PTE: maps one frame, or nothing (zero).
struct Pte {
  u64 v = 0;
  static constexpr Pte make(FrameNo frame, bool writable) {
    return {(u64{frame.v} << kEntryFrameShift) | (writable ? kEntryWritable : 0) | kEntryPresent};
  }
  constexpr bool is_present() const { return (v & kEntryPresent) != 0; }
  constexpr bool is_writable() const { return (v & kEntryWritable) != 0; }
  constexpr FrameNo frame() const { return {static_cast<u32>(v >> kEntryFrameShift)}; }
  friend constexpr bool operator==(Pte, Pte) = default;
};

/// One PMD: a leaf that maps a block of frames read-write, or a pointer to a table of PTEs, or nothing (zero).
struct Pmd {
  u64 v = 0;
  static constexpr Pmd leaf(FrameNo first) {
    return {(u64{first.v} << kEntryFrameShift) | kEntryLeaf | kEntryWritable | kEntryPresent};
  }
  static constexpr Pmd table(FrameNo table) {
    return {(u64{table.v} << kEntryFrameShift) | kEntryWritable | kEntryPresent};
  }
  constexpr bool is_present() const { return (v & kEntryPresent) != 0; }
  constexpr bool is_leaf() const { return is_present() && (v & kEntryLeaf) != 0; }
  constexpr bool is_table() const { return is_present() && (v & kEntryLeaf) == 0; }
  constexpr FrameNo frame() const { return {static_cast<u32>(v >> kEntryFrameShift)}; }
  friend constexpr bool operator==(Pmd, Pmd) = default;
};

}  // namespace hvo
