#include "core/base/hash.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace hvo {
namespace {

TEST(Hash, ChangesWithEachBitAndWithTheLength) {
  std::array<std::byte, 27> bytes{};
  std::set<u64> seen{hash_bytes(bytes)};
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes.at(bit / 8) ^= std::byte{1} << (bit % 8);
    EXPECT_TRUE(seen.insert(hash_bytes(bytes)).second) << "bit " << bit;
    bytes.at(bit / 8) ^= std::byte{1} << (bit % 8);
  }
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_TRUE(seen.insert(hash_bytes(std::span(bytes).first(n))).second) << "zeroes of length " << n;
  }
}

TEST(Hash, ChainsThroughItsSeed) {
  const std::array<std::byte, 8> a{std::byte{1}};
  const std::array<std::byte, 8> b{std::byte{2}};
  EXPECT_NE(hash_bytes(a, hash_bytes(b)), hash_bytes(b, hash_bytes(a))) << "the order of the parts matters";
  EXPECT_EQ(hash_bytes(a, 5), hash_bytes(a, 5));
}

}  // namespace
}  // namespace hvo
