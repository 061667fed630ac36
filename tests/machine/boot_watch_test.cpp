#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/machine/machine.h"

namespace hvo {
namespace {

TEST(BootWatch, SeesTheBootGoOnAndCanStopIt) {
  MachineConfig config;
  config.memory_pages = u64{1} << 20;  // 4 GiB: 16384 pages of struct pages
  std::vector<u64> seen;
  const auto machine = Machine::create(config, [&](u64 done, u64 all) {
    EXPECT_EQ(all, sizes_of(config).vmemmap_bytes >> config.geometry.page_shift);
    seen.push_back(done);
    return true;
  });
  ASSERT_TRUE(machine.has_value());
  EXPECT_GE(seen.size(), 4U);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  EXPECT_TRUE((*machine)->validate());

  const auto stopped = Machine::create(config, [](u64 done, u64 all) { return done < all / 2; });
  ASSERT_FALSE(stopped.has_value());
  EXPECT_EQ(stopped.error(), kBootStopped);
}

}  // namespace
}  // namespace hvo
