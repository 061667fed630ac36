#include "stress/explore/explain/trace_json.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/stress/explore/explain/replayed.h"

namespace hvo::stress {
namespace {

using nlohmann::json;

json trace_of(std::string_view design) {
  test::ReplayedWalk race(design, Op::pfn_walk_filtered);
  EXPECT_TRUE(race.find(1));
  const Story story =
      tell(race.machine(), race.moments(), culprits_of(race.violation(), race.machine(), race.moments()));
  return json::parse(trace_json(race.machine(), race.moments(), story).dump()).at("traceEvents");
}

TEST(TraceJson, NestsTheFunctionsOfEachCpu) {
  std::map<int, std::vector<std::string>> open;
  std::map<int, double> now;
  std::set<std::string> names;
  int deepest = 0;
  for (const json& e : trace_of("fake-head-copy")) {
    const std::string phase = e.at("ph");
    if (phase != "B" && phase != "E") continue;
    const int cpu = e.at("tid");
    EXPECT_GE(e.at("ts").get<double>(), now[cpu]);
    now[cpu] = e.at("ts");
    names.insert(e.at("name"));
    if (phase == "B") {
      open[cpu].push_back(e.at("name"));
      deepest = std::max(deepest, static_cast<int>(open[cpu].size()));
      continue;
    }
    ASSERT_FALSE(open[cpu].empty());
    EXPECT_EQ(open[cpu].back(), e.at("name").get<std::string>());
    open[cpu].pop_back();
  }
  for (const auto& [cpu, functions] : open) EXPECT_TRUE(functions.empty()) << "CPU " << cpu;
  EXPECT_TRUE(names.contains("vmemmap_remap_free"));
  EXPECT_TRUE(names.contains("filtered pfn walk"));
  EXPECT_GE(deepest, 2);
}

TEST(TraceJson, HasAnArrowFromEachRequestToItsAnswer) {
  std::map<int, double> asked;
  int nr_answers = 0;
  for (const json& e : trace_of("shared-tail")) {
    if (e.at("ph") == "s") asked[e.at("id")] = e.at("ts");
    if (e.at("ph") != "f") continue;
    ASSERT_TRUE(asked.contains(e.at("id")));
    EXPECT_GT(e.at("ts").get<double>(), asked.at(e.at("id")));
    EXPECT_EQ(e.at("tid").get<int>(), 1);
    ++nr_answers;
  }
  EXPECT_EQ(nr_answers, 2) << "one flush after the split, one after the remap";
}

TEST(TraceJson, MarksTheViolation) {
  int nr = 0;
  for (const json& e : trace_of("shared-tail")) {
    if (e.at("ph") == "i" && e.at("s") == "g") {
      ++nr;
      EXPECT_NE(e.at("name").get<std::string>().find("TRAP"), std::string::npos);
    }
  }
  EXPECT_EQ(nr, 1);
}

}  // namespace
}  // namespace hvo::stress
