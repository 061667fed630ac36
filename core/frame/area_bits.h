// AreaBits: which of 512 neighbouring units are free. A value with pure questions and transitions; no lists, no locks.
//
// A block of order k is 2^k units at a multiple of 2^k. Nothing marks a block: it is free when its bits are set, so two
// freed halves are merged by being there, and a split is a bit cleared.
#pragma once

#include <array>
#include <bit>

#include "core/base/units.h"

namespace hvo {

inline constexpr unsigned kAreaOrder = 9;  ///< as PMD_ORDER on x86-64 (pageblock_order)
inline constexpr u64 kAreaUnits = u64{1} << kAreaOrder;

struct AreaBits {
  static constexpr unsigned kWords = kAreaUnits / 64;
  static constexpr int kNoOrder = -1;
  std::array<u64, kWords> words{};  ///< bit u%64 of word u/64: unit u is free

  /// Bit i of the result: the block of order k (0 … 6) that starts at i lies within the bits of w.
  static constexpr u64 blocks(u64 w, unsigned k) {
    for (unsigned i = 0; i < k; ++i) w &= w >> (1U << i);
    return w & kStarts[k];
  }

  /// The largest order of a free block, 0 … 9, or kNoOrder.
  constexpr int largest_order() const {
    const u64 full = full_words();
    if (full != 0) {
      int order = 6;
      while (order < 9 && blocks(full, static_cast<unsigned>(order) - 5) != 0) ++order;
      return order;
    }
    std::array<u64, kWords> w = words;
    int order = kNoOrder;
    for (unsigned k = 0; k < 6; ++k) {
      u64 any = 0;
      for (const u64 x : w) any |= x;
      if ((any & kStarts[k]) == 0) break;
      order = static_cast<int>(k);
      for (u64& x : w) x &= x >> (1U << k);
    }
    return order;
  }

  /// Start of a free block of `order` (0 … 9), cut from the smallest block that has room; kAreaUnits when there is
  /// none.
  constexpr unsigned find(unsigned order) const {
    for (unsigned k = order; k < 6; ++k) {
      for (unsigned i = 0; i < kWords; ++i) {
        const u64 whole = unmerged(words[i], k, blocks(words[i], k + 1));
        if (whole != 0) return i * 64 + static_cast<unsigned>(std::countr_zero(whole));
      }
    }
    const u64 full = full_words();
    for (unsigned k = order < 6 ? 0 : order - 6; k <= 3; ++k) {
      const u64 whole = unmerged(full, k, k == 3 ? 0 : blocks(full, k + 1));
      if (whole != 0) return static_cast<unsigned>(std::countr_zero(whole)) * 64;
    }
    return kAreaUnits;
  }

  /// All / any of the n units from `first` are free; first + n <= 512.
  constexpr bool all(unsigned first, u64 n) const {
    bool all_set = true;
    each_word(first, n, [&](unsigned i, u64 mask) { all_set = all_set && (words[i] & mask) == mask; });
    return all_set;
  }
  constexpr bool any(unsigned first, u64 n) const {
    bool any_set = false;
    each_word(first, n, [&](unsigned i, u64 mask) { any_set = any_set || (words[i] & mask) != 0; });
    return any_set;
  }
  constexpr void set(unsigned first, u64 n) {
    each_word(first, n, [&](unsigned i, u64 mask) { words[i] |= mask; });
  }
  constexpr void clear(unsigned first, u64 n) {
    each_word(first, n, [&](unsigned i, u64 mask) { words[i] &= ~mask; });
  }
  /// Calls fn(first, n) for each longest run of free units, in order.
  template <class Fn>
  constexpr void for_each_run(Fn fn) const {
    unsigned first = 0;
    u64 n = 0;
    for (unsigned i = 0; i < kWords; ++i) {
      const u64 w = words[i];
      for (unsigned bit = 0; bit < 64;) {
        const auto ones = static_cast<unsigned>(std::countr_one(w >> bit));
        if (n == 0) first = i * 64 + bit;
        n += ones;
        bit += ones;
        if (bit == 64) break;
        if (n != 0) fn(first, n);
        n = 0;
        const u64 rest = w >> bit;
        bit = rest == 0 ? 64 : bit + static_cast<unsigned>(std::countr_zero(rest));
      }
    }
    if (n != 0) fn(first, n);
  }
  constexpr u64 count() const {
    u64 n = 0;
    for (const u64 w : words) n += static_cast<u64>(std::popcount(w));
    return n;
  }

 private:
  static constexpr std::array<u64, 7> kStarts{
      ~u64{0}, 0x5555555555555555, 0x1111111111111111, 0x0101010101010101, 0x0001000100010001, 0x0000000100000001, 1};

  /// Blocks of order k that are no half of a free block of order k + 1.
  static constexpr u64 unmerged(u64 w, unsigned k, u64 larger) {
    return blocks(w, k) & ~(larger | (larger << (1U << k)));
  }
  constexpr u64 full_words() const {
    u64 full = 0;
    for (unsigned i = 0; i < kWords; ++i) full |= u64{words[i] == ~u64{0}} << i;
    return full;
  }
  template <class Fn>
  static constexpr void each_word(unsigned first, u64 n, Fn fn) {
    for (u64 at = first, end = first + n; at < end;) {
      const u64 bit = at % 64;
      const u64 len = end - at < 64 - bit ? end - at : 64 - bit;
      fn(static_cast<unsigned>(at / 64), (len == 64 ? ~u64{0} : (u64{1} << len) - 1) << bit);
      at += len;
    }
  }
};
static_assert(sizeof(AreaBits) == 64);

}  // namespace hvo
