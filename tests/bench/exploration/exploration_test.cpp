#include "bench/exploration/exploration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "bench/exploration/print.h"

namespace hvo::bench {
namespace {

using testing::HasSubstr;
using testing::Not;

Explored explored(double schedules, double steps, double cpu_seconds) {
  return {.nr_schedules = schedules, .nr_steps = steps, .seconds = 2 * cpu_seconds, .cpu_seconds = cpu_seconds};
}

/// Three samples of each drive, the middle one of 400 000 schedules/s and 8 M steps/s.
Exploration all_alike() {
  Exploration all;
  for (auto& samples : all.samples) {
    samples = {explored(400e3, 8e6, 1), explored(100e3, 2e6, 1), explored(800e3, 16e6, 1)};
  }
  return all;
}

TEST(Exploration, ReadsWhatHvoStressWrites) {
  const auto e = parse_explored(
      R"({"schedules": 30, "steps": 6000, "steps_taken": 600, "seconds": 1.5, "verdict": "PASS"})", 1.25);
  ASSERT_TRUE(e) << e.error();
  EXPECT_EQ(e->nr_schedules, 30);
  EXPECT_EQ(e->nr_steps, 600);
  EXPECT_EQ(e->seconds, 1.5);
  EXPECT_EQ(e->cpu_seconds, 1.25);
}

TEST(Exploration, TakesNothingForNumbersThatIsNone) {
  for (const std::string_view bad :
       {"", "{", "[1, 2]", "{}", R"({"schedules": "30", "steps_taken": 600, "seconds": 1.5})",
        R"({"schedules": 0, "steps_taken": 0, "seconds": 1.5})"}) {
    EXPECT_FALSE(parse_explored(bad, 1)) << bad;
  }
  EXPECT_FALSE(parse_explored(R"({"schedules": 30, "steps_taken": 600, "seconds": 1.5})", 0));
}

TEST(Exploration, RatesAreMediansByEachProcessesOwnTime) {
  const std::vector<Explored> samples{explored(100, 1000, 1), explored(100, 1000, 2), explored(900, 9000, 3)};
  EXPECT_DOUBLE_EQ(schedules_rate(samples, Clock::cpu).median, 100);
  EXPECT_DOUBLE_EQ(schedules_rate(samples, Clock::cpu).lower, 75);
  EXPECT_DOUBLE_EQ(schedules_rate(samples, Clock::wall).median, 50);
  EXPECT_DOUBLE_EQ(steps_rate(samples, Clock::cpu).upper, 2000);
}

TEST(Exploration, AGoalIsMetByTheMedianAlone) {
  const std::string text = exploration_text(all_alike(), true);
  EXPECT_THAT(text, HasSubstr(">= 300 met"));
  EXPECT_THAT(text, HasSubstr(">= 10 missed"));
  EXPECT_THAT(exploration_text(all_alike(), false), Not(HasSubstr("missed")));
}

TEST(Exploration, TextFitsIntoAMail) {
  std::istringstream text(exploration_text(all_alike(), true));
  for (std::string line; std::getline(text, line);) EXPECT_LE(line.size(), 72U) << line;
}

TEST(Exploration, JsonHasARateForEachDriveThatWasRun) {
  Exploration all = all_alike();
  all.samples.back().clear();
  const auto json = nlohmann::json::parse(exploration_json(all, {{"cpu", "some"}}, true));
  ASSERT_EQ(json["drives"].size(), kDrives.size());
  const auto& first = json["drives"][0]["schedules_per_second"];
  EXPECT_EQ(first["cpu"]["median"], 400e3);
  EXPECT_EQ(first["wall"]["median"], 200e3);
  EXPECT_EQ(first["met"], true);
  EXPECT_TRUE(json["drives"][0]["steps_per_second"]["met"].is_null());
  EXPECT_EQ(json["drives"][3]["steps_per_second"]["met"], false);
  EXPECT_TRUE(json["drives"].back()["steps_per_second"].is_null());
  EXPECT_EQ(json["environment"]["cpu"], "some");
}

TEST(Exploration, FindsHvoStressWhereItIsBuiltAndWhereItIsInstalled) {
  namespace fs = std::filesystem;
  const fs::path root = fs::path(testing::TempDir()) / "hvo-exploration-test";
  fs::remove_all(root);
  fs::create_directories(root / "bench");
  fs::create_directories(root / "stress");
  EXPECT_FALSE(find_hvo_stress(root / "bench" / "hvo-bench"));
  for (const fs::path& place : {root / "bench" / "hvo-stress", root / "stress" / "hvo-stress"}) {
    std::ofstream(place).put('\n');
    EXPECT_NE(find_hvo_stress(root / "bench" / "hvo-bench"), place) << "it can't be run";
    fs::permissions(place, fs::perms::owner_all);
    const auto found = find_hvo_stress(root / "bench" / "hvo-bench");
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, place);
  }
  fs::remove_all(root);
}

}  // namespace
}  // namespace hvo::bench
