#include "stress/zoo/exhibits.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "core/base/safeguards.h"
#include "stress/zoo/ways.h"

namespace hvo::stress {
namespace {

using testing::HasSubstr;

TEST(Exhibits, EachBugOfTheCatalogueHasOneRowInItsPlace) {
  ASSERT_EQ(exhibits().size(), 38U);
  for (std::size_t i = 0; i < exhibits().size(); ++i) EXPECT_EQ(exhibits()[i].id, "Z" + std::to_string(i + 1));
}

TEST(Exhibits, EachTellsWhatItWasAndWhatMendedIt) {
  for (const Exhibit& e : exhibits()) {
    EXPECT_FALSE(e.title.empty()) << e.id;
    EXPECT_FALSE(e.fix.empty()) << e.id;
    EXPECT_GT(e.history.size(), 100U) << e.id;
    EXPECT_TRUE(e.history.ends_with('.')) << e.id;
    EXPECT_EQ(e.history.find("  "), std::string_view::npos) << e.id;
  }
}

TEST(Exhibits, EachIsShownOrSaysInOneLineWhyNot) {
  for (const Exhibit& e : exhibits()) {
    EXPECT_NE(e.is_shown(), !e.why_not.empty()) << e.id;
    EXPECT_LT(e.why_not.size(), 130U) << e.id;
    if (e.is_shown()) {
      EXPECT_FALSE(e.safeguard.empty() && e.plant.empty()) << e.id << " plants nothing";
    }
  }
}

TEST(Exhibits, SafeguardsExistAndAreNamedOnce) {
  std::set<std::string_view> seen;
  for (const Exhibit& e : exhibits()) {
    if (e.safeguard.empty()) continue;
    EXPECT_NE(std::ranges::find(kSafeguards, e.safeguard, &SafeguardInfo::name), kSafeguards.end()) << e.safeguard;
    EXPECT_TRUE(seen.insert(e.safeguard).second) << e.safeguard;
  }
}

TEST(Exhibits, EveryProgramIsOneThatTheCommandsTake) {
  for (const Exhibit& e : exhibits()) {
    for (const Way way : kWays) {
      for (const Planted planted : {Planted::yes, Planted::no}) {
        auto words = program_of(e, way, planted);
        if (!words) continue;
        const std::string command = words->front();
        words->erase(words->begin());
        const auto taken = command == "explore" ? check_explore(*words) : check_run(*words);
        EXPECT_TRUE(taken) << e.id << " " << way_name(way) << ": " << taken.error();
      }
    }
  }
}

TEST(Exhibits, TheControlIsTheSameProgramWithoutTheBug) {
  for (const Exhibit& e : exhibits()) {
    for (const Way way : kWays) {
      const auto planted = program_of(e, way, Planted::yes);
      const auto control = program_of(e, way, Planted::no);
      ASSERT_EQ(planted.has_value(), control.has_value()) << e.id;
      if (!planted) continue;
      EXPECT_NE(*planted, *control) << e.id;
      EXPECT_FALSE(has_option(*control, "--without")) << e.id;
      EXPECT_EQ(value_of(*planted, "--scenario", ""), value_of(*control, "--scenario", "")) << e.id;
      EXPECT_EQ(value_of(*planted, "--memory", "sc"), value_of(*control, "--memory", "sc")) << e.id;
    }
  }
}

TEST(Exhibits, AreFoundByNumberInEitherCaseAndBySafeguard) {
  ASSERT_NE(find_exhibit("z2"), nullptr);
  EXPECT_EQ(find_exhibit("z2"), find_exhibit("Z2"));
  EXPECT_EQ(find_exhibit("split-recheck"), find_exhibit("Z2"));
  EXPECT_EQ(find_exhibit(""), nullptr);
  EXPECT_EQ(find_exhibit("Z99"), nullptr);
  EXPECT_THAT(std::string(known_exhibits()), HasSubstr("split-recheck"));
}

TEST(Ways, WhatAWayCantShowSaysWhy) {
  const Exhibit weak{.id = "Z", .safeguard = "s", .explore = "--scenario a", .memory = NeededMemory::weak};
  EXPECT_THAT(program_of(weak, Way::explore_sc, Planted::yes).error(), HasSubstr("weak memory"));
  EXPECT_TRUE(program_of(weak, Way::explore_weak, Planted::yes));
  EXPECT_FALSE(program_of(weak, Way::run, Planted::yes));
  EXPECT_FALSE(program_of(weak, Way::host, Planted::yes));
  EXPECT_FALSE(program_of(weak, Way::tsan, Planted::yes));
  const Exhibit out{.id = "Z", .explore = "--scenario a", .why_not = "no such thing"};
  for (const Way way : kWays) EXPECT_EQ(program_of(out, way, Planted::yes).error(), "no such thing");
}

TEST(Ways, TheBugIsPlantedByTheSafeguardAndByFurtherWords) {
  const Exhibit e{
      .id = "Z", .safeguard = "s", .run = "--scenario a", .plant = "--x", .control = "--y", .host_mmu = true};
  EXPECT_EQ(joined(*program_of(e, Way::run, Planted::yes)), "run --scenario a --without s --x");
  EXPECT_EQ(joined(*program_of(e, Way::run, Planted::no)), "run --scenario a --y");
  EXPECT_EQ(joined(*program_of(e, Way::host, Planted::yes)), "run --scenario a --without s --x --mmu host");
}

TEST(Ways, UnderAnotherDesignOnlyWhatThatDesignCanHaveIsPlanted) {
  const Exhibit& shared = *find_exhibit("publish-by-cmpxchg");
  EXPECT_THAT(program_under(shared, Way::run, Planted::yes, "fake-head").error(), HasSubstr("never gets there"));
  const auto under = program_under(*find_exhibit("flush-before-free"), Way::run, Planted::yes, "two-frame");
  ASSERT_TRUE(under);
  EXPECT_EQ(value_of(*under, "--design", ""), "two-frame");
  EXPECT_EQ(std::ranges::count(*under, "--design"), 1);
}

TEST(Ways, AreNamedAsDetectorsTakesThem) {
  for (const Way way : kWays) EXPECT_EQ(find_way(way_name(way)), way);
  EXPECT_FALSE(find_way("x"));
}

}  // namespace
}  // namespace hvo::stress
