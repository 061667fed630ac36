#include "bench/compare/cells.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "bench/arms/loaded_kernels.h"

namespace hvo::bench {
namespace {

TEST(Cells, EveryCaseHasTwoIdenticalBaselinesPerPageSize) {
  for (const Case& c : cases_of(Extent::all)) {
    const auto cells = cells_of(c, "fake-head", true, false, false);
    auto find = [&](std::string_view name) { return std::ranges::find(cells, name, &Cell::name); };
    const auto one = find(kNone2M);
    const auto other = find(kAgain2M);
    ASSERT_NE(one, cells.end()) << c.name();
    ASSERT_NE(other, cells.end()) << c.name();
    EXPECT_EQ(one->ground, other->ground) << "one memory for both";
    EXPECT_NE(one->kernel, other->kernel) << "two copies of the code";
  }
}

TEST(Cells, TheCopiesOfTheBaselineChangePlaces) {
  const Case c = cases_of(Extent::quick)[0];
  const auto plain = cells_of(c, "fake-head", true, false, false);
  const auto swapped = cells_of(c, "fake-head", true, true, false);
  EXPECT_EQ(plain[0].name, swapped[0].name);
  EXPECT_NE(plain[0].kernel, swapped[0].kernel);
}

TEST(Cells, NamesAreUniqueInACaseAndEveryKernelExists) {
  const auto kernels = LoadedKernels::own();
  ASSERT_TRUE(kernels) << kernels.error();
  for (const Case& c : cases_of(Extent::all)) {
    for (const std::string_view design : compared_designs()) {
      std::set<std::string> names;
      for (const Cell& cell : cells_of(c, design, true, false, true)) {
        EXPECT_TRUE(names.insert(cell.name).second) << c.name() << " " << cell.name;
        EXPECT_NE(kernels->find(c.helper, cell.kernel), nullptr) << c.helper << " " << cell.kernel;
        EXPECT_NE(find_design(cell.ground.design), nullptr);
      }
    }
  }
}

TEST(Cells, WithoutHugePagesOfTheHostOnlyTheBaselineOf4KIsThere) {
  for (const Case& c : cases_of(Extent::all)) {
    for (const Cell& cell : cells_of(c, "shared-tail", false, false, true)) {
      EXPECT_EQ(cell.ground.blocks, Blocks::shared) << cell.name;
    }
  }
}

TEST(Cells, TheHeadlineIsAmongTheCases) {
  for (const HeadlineRow& row : headline()) {
    bool found = false;
    for (const Case& c : cases_of(Extent::quick)) {
      if (c.name() != row.case_name) continue;
      for (const std::string_view design : compared_designs()) {
        const auto cells = cells_of(c, design, true, false, false);
        found = found || std::ranges::any_of(cells, [&](const Cell& cell) {
                  return cell.name == row.cell + "@2M" || cell.name == row.cell + "@4K";
                });
      }
    }
    EXPECT_TRUE(found) << row.title;
  }
}

}  // namespace
}  // namespace hvo::bench
