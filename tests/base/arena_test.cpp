#include "core/base/arena.h"

#include <gtest/gtest.h>

#include <utility>

#include "core/base/units.h"

namespace hvo {
namespace {

struct Pair {
  u64 a = 0;
  u64 b = 7;
};

TEST(Arena, GivesZeroedObjectsOnCacheLinesOfTheirOwn) {
  Arena arena = Arena::create(u64{1} << 20).value();
  const auto bytes = arena.make_span<u8>(3);
  const auto words = arena.make_span<u64>(100);
  u64 sum = 0;
  for (const u64 w : words) sum += w;
  EXPECT_EQ(sum, 0U);
  EXPECT_TRUE(is_aligned(arena.offset_of(bytes.data()), 64));
  EXPECT_TRUE(is_aligned(arena.offset_of(words.data()), 64));
  EXPECT_GE(arena.offset_of(words.data()) - arena.offset_of(bytes.data()), 64U) << "two owners never share a line";
}

TEST(Arena, ConstructsAnObjectFromItsArguments) {
  Arena arena = Arena::create(4096).value();
  EXPECT_EQ(arena.make<Pair>().b, 7U);
  const Pair& p = arena.make<Pair>(u64{1}, u64{2});
  EXPECT_EQ(p.a, 1U);
  EXPECT_EQ(p.b, 2U);
}

TEST(Arena, NamesItsObjectsByOffset) {
  Arena arena = Arena::create(4096).value();
  EXPECT_EQ(arena.used_bytes(), 0U);
  const Pair& first = arena.make<Pair>();
  const Pair& second = arena.make<Pair>();
  EXPECT_EQ(arena.offset_of(&first), 0U);
  EXPECT_EQ(arena.offset_of(&second), 64U);
  EXPECT_EQ(arena.used_bytes(), 64 + sizeof(Pair));
  EXPECT_EQ(arena.bytes().size(), arena.used_bytes()) << "what is not carved is no state";
  EXPECT_TRUE(arena.contains(&second));
  const Pair outside;
  EXPECT_FALSE(arena.contains(&outside));
}

TEST(Arena, AMoveHandsTheMemoryOver) {
  Arena arena = Arena::create(4096).value();
  Pair& p = arena.make<Pair>();
  const Arena moved(std::move(arena));
  p.a = 3;  // still mapped
  EXPECT_TRUE(moved.contains(&p));
}

TEST(ArenaDeathTest, SaysWhenItIsTooSmall) {
  Arena arena = Arena::create(4096).value();
  EXPECT_DEATH((void)arena.make_span<u64>(513), "arena too small");
}

TEST(Arena, TellsTheHostsReasonWhenItIsRefused) {
  const auto arena = Arena::create(~u64{0} << 1);
  ASSERT_FALSE(arena.has_value());
  EXPECT_FALSE(arena.error().empty());
}

}  // namespace
}  // namespace hvo
