#include "stress/pools.h"

#include <gmock/gmock.h>

#include "core/machine/machine.h"

namespace hvo::stress {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const Geometry& kX86 = kGeometries[0];
constexpr const Geometry& kTiny = kGeometries[1];

TEST(ParsePools, ReadsSizesOfTheGeometryByName) {
  EXPECT_THAT(parse_pools("2M=512,1G=2", kX86).value(),
              ElementsAre(PoolRequest{Order{9}, 512}, PoolRequest{Order{18}, 2}));
  EXPECT_THAT(parse_pools("8K=3", kTiny).value(), ElementsAre(PoolRequest{Order{4}, 3}));
}

TEST(ParsePools, ReadsAllSizesOfAGeometryOfMany) {
  const Geometry& arm64 = *find_geometry("arm64-4k");
  EXPECT_THAT(parse_pools("64K=32,2M=4,32M=2,1G=1", arm64).value(),
              ElementsAre(PoolRequest{Order{4}, 32}, PoolRequest{Order{9}, 4}, PoolRequest{Order{13}, 2},
                          PoolRequest{Order{18}, 1}));
  EXPECT_THAT(parse_pools("3M=1", arm64).error(), HasSubstr("known: 64K, 2M, 32M, 1G"));
  EXPECT_THAT(parse_pools("2M=1,512M=1,16G=1", *find_geometry("arm64-64k")).value(), testing::SizeIs(3));
}

TEST(ParsePools, IsReversedByPoolsText) {
  for (const char* text : {"2M=1", "1G=2", "1G=2,2M=512"}) {
    EXPECT_EQ(pools_text(parse_pools(text, kX86).value(), kX86), text);
  }
}

TEST(ParsePools, NamesWhatIsWrongAndWhatIsKnown) {
  EXPECT_THAT(parse_pools("3M=1", kX86).error(), HasSubstr("known: 2M, 1G"));
  EXPECT_THAT(parse_pools("2M=1", kTiny).error(), HasSubstr("known: 8K, 32K"));
  EXPECT_THAT(parse_pools("2M=0", kX86).error(), HasSubstr("must be 1 to"));
  EXPECT_THAT(parse_pools("2M=9999999999999", kX86).error(), HasSubstr("must be 1 to"));
  EXPECT_THAT(parse_pools("2M=1,2M=1", kX86).error(), HasSubstr("twice"));
  for (const char* text : {"", "2M", "2M=1,", ",2M=1", "=1", "2M="}) EXPECT_FALSE(parse_pools(text, kX86)) << text;
}

// The machine is the judge: what is said to be enough is enough with HVO off, and a MiB-aligned PMD less is not.
TEST(MibNeeded, IsEnoughForTheMachineToFillItsPoolsWithoutHvo) {
  const std::vector<PoolRequest> pools{{Order{9}, 100}, {Order{18}, 1}};
  MachineConfig config;
  config.design = find_design("none");
  config.memory_pages = mib_needed(pools, kX86) << 8;
  config.pools[0] = {pools[0].order, pools[0].nr, 0};
  config.pools[1] = {pools[1].order, pools[1].nr, 0};
  const auto machine = Machine::create(config);
  ASSERT_TRUE(machine) << machine.error();
  EXPECT_TRUE((*machine)->validate());
}

TEST(MibNeeded, IsEnoughForEveryGeometry) {
  for (const Geometry& g : kGeometries) {
    std::vector<PoolRequest> pools;
    for (const Order order : huge_orders(g)) pools.push_back({order, 3});
    MachineConfig config;
    config.design = find_design("none");
    config.geometry = g;
    config.memory_pages = (mib_needed(pools, g) << 20) >> g.page_shift;
    // Larger ones first, or they find no aligned room.
    for (std::size_t i = 0; i < pools.size(); ++i)
      config.pools[pools.size() - 1 - i] = {pools[i].order, pools[i].nr, 0};
    const auto machine = Machine::create(config);
    EXPECT_TRUE(machine) << machine.error();
  }
}

TEST(MibNeeded, GrowsWithTheStructPagesOfThePool) {
  EXPECT_EQ(mib_needed({}, kX86), 0U);
  const u64 one_tib = mib_needed(std::vector<PoolRequest>{{Order{18}, 1024}}, kX86);
  EXPECT_GT(one_tib, (u64{1} << 20) + (u64{1} << 20) / 64);
  EXPECT_LT(one_tib, (u64{1} << 20) + (u64{1} << 20) / 60);
}

}  // namespace
}  // namespace hvo::stress
