#include "stress/dump.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hvo::stress {
namespace {

using testing::HasSubstr;

TEST(Dump, ShowsWhatAPoolOfTwoDoesToTheTables) {
  const auto columns = dump_columns(*find_design("fake-head"), kGeometries[0], 2);
  ASSERT_TRUE(columns.has_value()) << columns.error();
  ASSERT_EQ(columns->size(), 3U);
  const auto& [boot, full, back] = std::tie((*columns)[0], (*columns)[1], (*columns)[2]);
  ASSERT_EQ(boot.rows.size(), 2U) << "a title and one run of PMD leaves";
  EXPECT_THAT(boot.rows[1], HasSubstr("2M"));
  EXPECT_THAT(boot.headline, HasSubstr("512 frames"));
  EXPECT_THAT(full.headline, HasSubstr("498 frames mapped, 1 PTE pages")) << "512 - 2 * 7";
  int nr_aliases = 0;
  for (const std::string& row : full.rows) nr_aliases += row.find("RO") != std::string::npos ? 1 : 0;
  EXPECT_EQ(nr_aliases, 2) << "a run of read-only pages for each hugepage";
  EXPECT_THAT(back.headline, HasSubstr("512 frames mapped, 1 PTE pages")) << "a split is for good";
  for (const std::string& row : back.rows) EXPECT_EQ(row.find("RO"), std::string::npos) << row;
}

TEST(Dump, NoneLeavesTheTablesAlone) {
  const auto columns = dump_columns(*find_design("none"), kGeometries[0], 2);
  ASSERT_TRUE(columns.has_value()) << columns.error();
  EXPECT_EQ((*columns)[0].rows, (*columns)[1].rows);
}

TEST(Dump, TwoDesignsFitInAHundredColumns) {
  const auto text = dump_text(*find_design("two-frame"), *find_design("shared-tail"), kGeometries[0], 4);
  ASSERT_TRUE(text.has_value()) << text.error();
  std::size_t at = 0;
  while (at < text->size()) {
    const std::size_t end = text->find('\n', at);
    EXPECT_LE(end - at, 100U) << text->substr(at, end - at);
    EXPECT_TRUE(end == at || (*text)[end - 1] != ' ') << "a blank at the end of: " << text->substr(at, end - at);
    at = end + 1;
  }
}

}  // namespace
}  // namespace hvo::stress
