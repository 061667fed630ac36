#include "bench/savings/build.h"

#include <gtest/gtest.h>

#include "bench/savings/results.h"
#include "core/hvo/savings.h"

namespace hvo::bench::savings {
namespace {

Plan small_plan(Order order) {
  Plan plan{.memory_bytes = u64{1} << 30, .order = order};
  for (const Design& design : kDesigns) plan.designs.push_back(&design);
  return plan;
}

bool go_on(Stage /*stage*/, u64 /*done*/, u64 /*all*/) { return true; }

/// Frames that a design may hold beside its struct pages and PTE pages: the page of PMDs.
constexpr u64 kPmdPages = 1;

TEST(Build, EveryDesignSavesWhatTheTableSaysAndTheHostSeesIt) {
  for (const Order order : kGeometries[0].huge_sizes()) {
    const Plan plan = small_plan(order);
    for (const Design& design : kDesigns) {
      SCOPED_TRACE(design.name);
      const auto result = build(plan, design, go_on);
      ASSERT_TRUE(result.has_value() && result->has_value());
      const Built& b = **result;
      const u64 page = kGeometries[0].page_size();
      const u64 each = frames_saved(kGeometries[0], order, design);
      EXPECT_EQ(b.frames_saved() + b.nr_shared_tails, plan.nr_hugepages() * each);
      EXPECT_LE(b.nr_shared_tails, Vmemmap::kNrZones);
      // No tolerance: a frame is in memory if and only if it is mapped or a page table, when all that is free went.
      EXPECT_EQ(b.before.frames, (b.mapped_before + kPmdPages) * page);
      EXPECT_EQ(b.after.frames, (b.mapped + b.pte_pages + kPmdPages) * page);
      EXPECT_EQ(b.pte_pages, design.optimizes() ? plan.memory_bytes >> 27 : 0U) << "a PMD of struct pages is 128 MiB";
      EXPECT_GT(b.after.beside, 0U);
      EXPECT_EQ(b.nr_violations, 0U);
    }
  }
}

TEST(Build, StopsWhereverItIsTold) {
  const Plan plan = small_plan(Order{9});
  for (const Stage where : {Stage::boot, Stage::pool}) {
    const auto built = build(plan, *find_design("fake-head"),
                             [&](Stage stage, u64 done, u64 all) { return stage != where || done < all / 2; });
    ASSERT_TRUE(built.has_value());
    EXPECT_FALSE(built->has_value());
  }
}

Built built_in(const Design& design, double boot, double pool) {
  return {.design = &design,
          .nr_hugepages = 512,
          .mapped_before = 5000,
          .mapped = 1000,
          .boot_seconds = boot,
          .pool_seconds = pool};
}

TEST(Results, RatiosAreMediansOfThoseWithinARound) {
  Plan plan = small_plan(Order{9});
  plan.designs = {find_design("none"), find_design("fake-head")};
  const Design& none = *plan.designs[0];
  const Design& fake = *plan.designs[1];
  const Results r = summarise(plan, {{built_in(none, 1, 2), built_in(fake, 2, 4)},
                                     {built_in(none, 1, 1), built_in(fake, 2, 1)},
                                     {built_in(none, 10, 10), built_in(fake, 20, 30)},
                                     {built_in(none, 1, 1)}});
  ASSERT_EQ(r.rows.size(), 2U);
  EXPECT_EQ(r.rows[0].nr_rounds, 4U);
  EXPECT_EQ(r.rows[0].pool_ratio, 1.0);
  EXPECT_EQ(r.rows[1].nr_rounds, 3U);
  EXPECT_EQ(r.rows[1].pool_ratio, 2.0);
  EXPECT_EQ(r.rows[1].total_ratio, 2.0);
  EXPECT_EQ(r.rows[0].steady_ratio, 1.0);
  EXPECT_DOUBLE_EQ(*r.rows[1].steady_ratio, (2.0 + 4.0) / (2.0 + 1.5)) << "the median of all seven boots is 2";
  EXPECT_FALSE(r.claim().has_value()) << "two-frame was not built";
}

TEST(Results, TheClaimIsMeasuredCountedAndCalculated) {
  Plan plan = small_plan(Order{9});
  plan.designs = {find_design("none"), find_design("two-frame"), find_design("fake-head")};
  std::vector<Built> round;
  for (const Design* design : plan.designs) {
    auto built = build(plan, *design, go_on);
    ASSERT_TRUE(built.has_value() && built->has_value());
    round.push_back(**built);
  }
  const auto claim = summarise(plan, {round}).claim();
  ASSERT_TRUE(claim.has_value());
  EXPECT_EQ(claim->expected, u64{2} << 20) << "2 GiB per TiB";
  EXPECT_EQ(claim->counted, claim->expected);
  EXPECT_EQ(claim->measured, claim->expected);
}

}  // namespace
}  // namespace hvo::bench::savings
