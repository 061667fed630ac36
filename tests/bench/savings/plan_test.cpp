#include "bench/savings/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/savings/build.h"

namespace hvo::bench::savings {
namespace {

using testing::HasSubstr;

std::vector<std::string_view> names(const Plan& plan) {
  std::vector<std::string_view> all;
  for (const Design* design : plan.designs) all.push_back(design->name);
  return all;
}

TEST(Plan, BuildsEveryDesignUnlessToldOtherwiseTheBaselineFirst) {
  const Plan all = make_plan({}).value();
  EXPECT_EQ(all.designs.size(), kDesigns.size());
  EXPECT_EQ(all.nr_hugepages(), 32768U);
  const Plan some = make_plan({.designs = {"6.12", "fake-head", "6.11"}}).value();
  EXPECT_EQ(names(some), (std::vector<std::string_view>{"none", "fake-head-rcu", "fake-head"}));
}

TEST(Plan, SaysInOneLineWhatIsWrong) {
  const auto error = [](const Words& words) { return make_plan(words).error(); };
  EXPECT_THAT(error({.memory = "lots"}), HasSubstr("--memory takes a size such as 64GiB or 1TiB, not 'lots'"));
  EXPECT_THAT(error({.memory = "3K"}), HasSubstr("multiple of the hugepage size, 2 MiB"));
  EXPECT_THAT(error({.memory = "512M", .hugepage = "1G"}), HasSubstr("multiple of the hugepage size, 1 GiB"));
  EXPECT_THAT(error({.memory = "1PiB"}), HasSubstr("at most 256 TiB"));
  EXPECT_THAT(error({.hugepage = "4K"}), HasSubstr("--hugepage takes 2M, 1G, not '4K'"));
  EXPECT_THAT(error({.designs = {"fake"}}), HasSubstr("not 'fake'"));
  EXPECT_THAT(error({.designs = {"5.13"}}), HasSubstr("from 5.14 on"));
  EXPECT_THAT(error({.rounds = "0"}), HasSubstr("--rounds must be 1 to"));
  for (const Words& words : {Words{.memory = "x"}, Words{.hugepage = "x"}, Words{.designs = {"x"}}}) {
    EXPECT_EQ(error(words).find('\n'), std::string::npos);
  }
}

TEST(Plan, AMachineHasMemoryForThePoolAndForItsStructPages) {
  for (const u64 gib : {u64{1}, u64{16}, u64{1024}}) {
    const Plan plan{.memory_bytes = gib << 30, .order = Order{9}, .designs = {find_design("none")}};
    const MachineConfig config = config_of(plan, *find_design("none"));
    const u64 pool = plan.memory_bytes >> 12;
    EXPECT_GE(config.memory_pages, pool + pool / 64);
    EXPECT_LE(config.memory_pages, pool + pool / 60 + 2 * config.geometry.memory_granule());
  }
}

TEST(Plan, OneTebibyteOfTwoMebibytePagesNeedsSixteenGibibytesAndAHalf) {
  const Plan plan = make_plan({.memory = "1TiB"}).value();
  EXPECT_GE(host_bytes_needed(plan), u64{16} << 30);
  EXPECT_LE(host_bytes_needed(plan), u64{33} << 29);
}

TEST(Plan, RefusesWhatDoesNotFitWithTheNumbers) {
  const Plan plan = make_plan({.memory = "1TiB"}).value();
  EXPECT_TRUE(check_fits(plan, std::nullopt).has_value()) << "a host that does not say";
  EXPECT_TRUE(check_fits(plan, u64{23} << 30).has_value());
  const auto refused = check_fits(plan, u64{9} << 30);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error(), HasSubstr("1 TiB of hugepages need 16."));
  EXPECT_THAT(refused.error(), HasSubstr("9.000 GiB are available"));
  EXPECT_THAT(refused.error(), HasSubstr("--memory 512 GiB would fit"));
  const auto hopeless = check_fits(plan, u64{1} << 20);
  ASSERT_FALSE(hopeless.has_value());
  EXPECT_EQ(hopeless.error().find("would fit"), std::string::npos);
}

/// The estimate is held against what is really there when most is: booted, before a pool is made.
TEST(Plan, TheEstimateIsNeitherTooLowNorFarTooHigh) {
  const Plan plan{.memory_bytes = u64{16} << 30, .order = Order{9}, .designs = {find_design("none")}};
  const auto built = build(plan, *find_design("none"), [](Stage, u64, u64) { return true; });
  ASSERT_TRUE(built.has_value() && built->has_value());
  const u64 most = std::max((*built)->before.total(), (*built)->after.total());
  EXPECT_GE(host_bytes_needed(plan), most);
  EXPECT_LE(host_bytes_needed(plan), most + most / 10 + (u64{32} << 20));
}

}  // namespace
}  // namespace hvo::bench::savings
