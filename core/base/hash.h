// A 64-bit hash of bytes, the same on every compiler: the name of a machine state.
#pragma once

#include <cstring>
#include <span>

#include "core/base/rng.h"
#include "core/base/types.h"

namespace hvo {

/// Hashes whole words; a tail shorter than a word is padded with zero. Not cryptographic.
inline u64 hash_bytes(std::span<const std::byte> bytes, u64 seed = 0) {
  u64 h = mix64(seed ^ bytes.size());
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    u64 w = 0;
    std::memcpy(&w, bytes.data() + i, 8);
    h = (h ^ w) * 0x9fb21c651e98df25;
    h ^= h >> 32;
  }
  if (i < bytes.size()) {
    u64 w = 0;
    std::memcpy(&w, bytes.data() + i, bytes.size() - i);
    h = (h ^ w) * 0x9fb21c651e98df25;
    h ^= h >> 32;
  }
  return mix64(h);
}

}  // namespace hvo
