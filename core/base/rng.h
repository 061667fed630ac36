// A small seeded generator whose sequence is the same on every compiler and library.
//
// The std distributions are implementation-defined, so a seed would name different runs on libstdc++ and libc++;
// nothing in hvolab uses them.
#pragma once

#include "core/base/types.h"

namespace hvo {

/// ISO C++ has no 128-bit integer; both compilers do.
__extension__ using u128 = unsigned __int128;

/// One step of splitmix64 (Steele, Lea, Flood 2014): turns related seeds into unrelated ones.
constexpr u64 mix64(u64 x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// xorshift64* : 64 bits of state, trivially copyable, so it can live in an arena. Not thread-safe: one per CPU.
struct Rng {
  u64 state = 1;

  static constexpr Rng seeded(u64 seed, u64 stream = 0) {
    const u64 s = mix64(seed ^ mix64(stream));
    return {s == 0 ? 1 : s};
  }
  constexpr u64 next() {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1d;
  }
  /// A number in [0, n), n > 0. The bias is below 2^-32 for every n that hvolab uses.
  constexpr u64 below(u64 n) { return static_cast<u64>((static_cast<u128>(next()) * n) >> 64); }
  constexpr bool one_in(u64 n) { return below(n) == 0; }
};

}  // namespace hvo
