#include "core/frame/physical_memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

namespace hvo {
namespace {

TEST(PhysicalMemory, RefusesSizesThatMakeNoSense) {
  auto arena = Arena::create(u64{1} << 20).value();
  EXPECT_FALSE(PhysicalMemory::create(arena, 0, 12).has_value());
  EXPECT_FALSE(PhysicalMemory::create(arena, u64{1} << 32, 12).has_value());
  EXPECT_FALSE(PhysicalMemory::create(arena, 1, 5).has_value());
}

TEST(PhysicalMemory, CostsEightBytesAFrameBesideTheFrame) {
  auto arena = Arena::create(u64{1} << 20).value();
  const auto memory = PhysicalMemory::create(arena, 4096, 12);
  ASSERT_TRUE(memory.has_value());
  EXPECT_LE(arena.used_bytes(), u64{4096} * 8 + 128);
  EXPECT_EQ(memory->bytes().size(), u64{4096} << 12);
}

TEST(PhysicalMemory, FramesCanBeMirroredThroughTheFile) {
  auto arena = Arena::create(u64{1} << 20).value();
  auto memory = PhysicalMemory::create(arena, 8, 12);
  ASSERT_TRUE(memory.has_value());
  const PhysicalMemory moved = std::move(*memory);
  *moved.frames().address({3}) = std::byte{42};
  void* mirror = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, moved.fd(), 3 * 4096);
  ASSERT_NE(mirror, MAP_FAILED);
  EXPECT_EQ(*static_cast<const std::byte*>(mirror), std::byte{42});
  munmap(mirror, 4096);
}

TEST(PhysicalMemory, PrivateMemoryHasNoFileAndStoresAsWell) {
  auto arena = Arena::create(u64{1} << 20).value();
  auto memory = PhysicalMemory::create(arena, 8, 12, Backing::anonymous);
  ASSERT_TRUE(memory.has_value());
  const PhysicalMemory moved = std::move(*memory);
  EXPECT_EQ(moved.backing(), Backing::anonymous);
  EXPECT_EQ(moved.fd(), -1);
  EXPECT_EQ(moved.resident_bytes(), 0U);
  *moved.frames().address({3}) = std::byte{42};
  EXPECT_EQ(*moved.frames().address({3}), std::byte{42});
  EXPECT_EQ(moved.resident_bytes(), 4096U);
}

}  // namespace
}  // namespace hvo
