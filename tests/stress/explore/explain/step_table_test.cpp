#include "stress/explore/explain/step_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/stress/explore/explain/replayed.h"

namespace hvo::stress {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::size_t kMostRows = 40;

Story story_of(test::ReplayedWalk& race) {
  return tell(race.machine(), race.moments(), culprits_of(race.violation(), race.machine(), race.moments()));
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// These stand in the text in this order.
void expect_in_order(const std::string& text, const std::vector<std::string>& parts) {
  std::size_t at = 0;
  for (const std::string& part : parts) {
    const std::size_t found = text.find(part, at);
    ASSERT_NE(found, std::string::npos) << part << " in\n" << text;
    at = found;
  }
}

class StoryOfARace : public testing::TestWithParam<std::string_view> {};

TEST_P(StoryOfARace, FitsOnAPage) {
  for (const Op walker : {Op::pfn_walk_unfiltered, Op::pfn_walk_filtered}) {
    test::ReplayedWalk race(GetParam(), walker);
    ASSERT_TRUE(race.find(1));
    const std::string table = step_table(story_of(race));
    EXPECT_LE(lines_of(table).size(), kMostRows + 2) << table;
    for (const std::string& line : lines_of(table)) {
      const auto width = std::ranges::count_if(line, [](char c) { return (c & 0xc0) != 0x80; });
      EXPECT_LE(width, 100) << line;
    }
    EXPECT_THAT(table, HasSubstr("TRAP"));
    EXPECT_THAT(table, Not(HasSubstr("\033"))) << "a colour that nobody asked for";
  }
}

std::string test_name(const testing::TestParamInfo<std::string_view>& info) {
  std::string name(info.param);
  std::ranges::replace(name, '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Designs, StoryOfARace,
                         testing::Values("two-frame", "fake-head", "fake-head-copy", "shared-tail"), test_name);

TEST(StepTable, TellsTheRaceInOrder) {
  test::ReplayedWalk race("shared-tail");
  ASSERT_TRUE(race.find(1));
  const std::string table = step_table(story_of(race));
  expect_in_order(
      table, {"CPU 0", "CPU 1", "walk: PMD[0] = leaf", "page[8].refcount is 1", "-- preempted --",
              "page[8].refcount 1→0", "locks page_table_lock", "PMD[0] leaf", "unlocks page_table_lock",
              "asks CPU 1: flush all pages", "waits: TLB flush", "serves CPU 0: flush all pages",
              "locks mmap_lock for reading", "PTE page[8..15] frame", "unlocks mmap_lock",
              "asks CPU 1: flush all pages", "walk: PTE page[8..15] = frame", "cmpxchg page[8].refcount 1→2: TRAP"});
}

TEST(StepTable, MarksWhatTouchesACulprit) {
  test::ReplayedWalk race("shared-tail");
  ASSERT_TRUE(race.find(1));
  for (const std::string& line : lines_of(step_table(story_of(race)))) {
    const bool is_about = line.find("page[8].refcount") != std::string::npos ||
                          line.find("TRAP") != std::string::npos ||
                          line.find("PTE page[8..15] frame") != std::string::npos;
    if (is_about && line.find("is frame") == std::string::npos) EXPECT_TRUE(line.starts_with("»")) << line;
    if (line.find("serves") != std::string::npos) EXPECT_FALSE(line.starts_with("»")) << line;
  }
}

TEST(StepTable, FoldsWhatDoesNotMatterAndNothingElse) {
  test::ReplayedWalk race("shared-tail");
  ASSERT_TRUE(race.find(1));
  const Story story = story_of(race);
  std::size_t nr_steps = 0;
  for (const Row& row : story.rows) {
    if (row.what == Row::What::folded) nr_steps += row.nr_steps;
  }
  EXPECT_GT(nr_steps, 50U);
  // Every moment that touches the count is a row.
  std::size_t nr_touched = 0;
  for (const Moment& m : race.moments()) {
    const u64 va = race.machine().vmemmap().page_of(race.page()).va + page_field::refcount;
    if (m.what != Moment::What::access || m.access.space != Space::vmemmap || m.access.object != va) continue;
    ++nr_touched;
    const auto is_it = [&](const Row& r) { return &race.moments()[r.moment] == &m && r.is_culprit; };
    EXPECT_TRUE(std::ranges::any_of(story.rows, is_it));
  }
  EXPECT_GE(nr_touched, 2U);
  const Story shorter = story.at_most(story.rows.size() - 2);
  EXPECT_EQ(shorter.rows.size(), story.rows.size() - 2);
  const auto nr_folded = [](const Story& s) {
    return std::ranges::count_if(s.rows, [](const Row& r) { return r.what == Row::What::folded; });
  };
  EXPECT_EQ(nr_folded(shorter), nr_folded(story) - 2);
}

/// A story of `nr` rows that need two lines each, the violation being row `at`.
Story long_story(std::size_t nr, std::size_t at) {
  Story story{.nr_cpus = 2, .rows = {}};
  for (std::size_t i = 0; i < nr; ++i) {
    Row row;
    row.what = i == at ? Row::What::violation : Row::What::access;
    row.cpu = static_cast<u8>(i % 2);
    row.step = static_cast<u32>(i);
    row.text = i == at ? "TRAP" : "PTE page[264..271] is a frame that takes more than one line";
    story.rows.push_back(row);
  }
  return story;
}

TEST(StepTable, OfALongStoryShowsWhatLeadsToTheViolation) {
  for (const std::size_t at : {std::size_t{999}, std::size_t{500}, std::size_t{0}}) {
    SCOPED_TRACE(at);
    const std::string table = step_table(long_story(1000, at));
    const auto nr_lines = static_cast<std::size_t>(std::ranges::count(table, '\n'));
    EXPECT_LE(nr_lines, 44U) << "with two of the heading, and two about what is left out";
    EXPECT_GE(nr_lines, 40U);
    EXPECT_NE(table.find("TRAP"), std::string::npos);
    EXPECT_EQ(table.find("rows before") != std::string::npos, at != 0);
    EXPECT_EQ(table.find("rows behind") != std::string::npos, at != 999);
  }
}

TEST(StepTable, HasAColumnForEachOfThreeCpus) {
  test::ReplayedWalk race("shared-tail", Op::pfn_walk_unfiltered, 3);
  ASSERT_TRUE(race.find(1));
  const std::string table = step_table(story_of(race));
  expect_in_order(table, {"CPU 0", "CPU 1", "CPU 2", "asks CPU 1, 2"});
}

TEST(StepTable, IsPaintedWhenAsked) {
  test::ReplayedWalk race("shared-tail");
  ASSERT_TRUE(race.find(1));
  EXPECT_THAT(step_table(story_of(race), {.colour = true}), HasSubstr("\033[1;31m»"));
}

TEST(StepTable, IsAlsoJson) {
  test::ReplayedWalk race("shared-tail");
  ASSERT_TRUE(race.find(1));
  const Story story = story_of(race);
  const nlohmann::json rows = nlohmann::json::parse(step_table_json(story).dump());
  ASSERT_EQ(rows.size(), story.rows.size());
  const auto is_remap = [](const nlohmann::json& j) {
    return j.value("object", "") == "PTE page[8..15]" && j.at("culprit") == true;
  };
  const auto found = std::ranges::find_if(rows, is_remap);
  ASSERT_NE(found, rows.end());
  EXPECT_EQ(found->at("what"), "access");
  EXPECT_EQ(found->at("cpu"), 0);
  EXPECT_EQ(found->at("function"), "vmemmap_remap_free");
  EXPECT_THAT(found->at("before").get<std::string>(), testing::EndsWith(" rw"));
  EXPECT_THAT(found->at("after").get<std::string>(), testing::EndsWith(" ro"));
}

}  // namespace
}  // namespace hvo::stress
