#include "stress/design_facts.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "stress/report/designs.h"

namespace hvo::stress {
namespace {

using testing::HasSubstr;

const std::vector<DesignFacts>& facts() {
  static const std::vector<DesignFacts> all = design_facts().value();
  return all;
}
const LookupCost& cost(const DesignFacts& f, LookedUp kind) { return f.lookups[static_cast<std::size_t>(kind)]; }

TEST(DesignFacts, CoverEveryDesignInOrder) {
  ASSERT_EQ(facts().size(), kDesigns.size());
  for (std::size_t i = 0; i < kDesigns.size(); ++i) EXPECT_EQ(facts()[i].design, &kDesigns[i]);
}

TEST(DesignFacts, OnlyDesignsWithFakeHeadsLoadMoreThanOneWord) {
  for (const DesignFacts& f : facts()) {
    const bool fake = f.design->encoding == EncodingKind::fake_head;
    const u32 branch = f.design->encoding == EncodingKind::mask ? 0 : 1;
    EXPECT_EQ(cost(f, LookedUp::hugepage_head).loads, fake ? 3U : 1U) << f.design->name;
    EXPECT_EQ(cost(f, LookedUp::aliased_tail).loads, fake ? 3U : 1U) << f.design->name;
    EXPECT_EQ(cost(f, LookedUp::aligned_page).loads, fake ? 2U : 1U) << f.design->name;
    for (const LookedUp kind : {LookedUp::head, LookedUp::tail, LookedUp::page}) {
      EXPECT_EQ(cost(f, kind).loads, 1U) << f.design->name;
    }
    EXPECT_EQ(cost(f, LookedUp::tail).branches, branch) << f.design->name;
    EXPECT_EQ(cost(f, LookedUp::head).key_tests, fake ? 1U : 0U) << "the key is on: a hugepage is optimised";
  }
}

TEST(DesignFacts, EveryDesignThatOptimisesBreaksTheRuleOfArm64InSplitRemapAndRestore) {
  for (const DesignFacts& f : facts()) {
    std::vector<Op> ops;
    for (const UnbrokenMake& u : f.unbroken_makes) ops.push_back(u.op);
    if (!f.design->optimizes()) {
      EXPECT_TRUE(ops.empty()) << f.design->name;
      continue;
    }
    EXPECT_THAT(ops,
                testing::UnorderedElementsAre(Op::vmemmap_split_pmd, Op::vmemmap_remap_free, Op::vmemmap_remap_alloc))
        << f.design->name;
  }
}

TEST(DesignsText, NamesEveryDesignSizeAndHoleWithin100Columns) {
  const std::string text = designs_text(facts());
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100U) << line;
  for (const Design& d : kDesigns) {
    EXPECT_THAT(text, HasSubstr(std::string(d.name)));
    for (const KnownHole& h : d.holes) EXPECT_THAT(text, HasSubstr(std::string(h.fixed_by)));
  }
  for (const char* part : {"16G", "15.996", "0.996", "the rule is kept"}) EXPECT_THAT(text, HasSubstr(part));
  EXPECT_THAT(text, testing::Not(HasSubstr("tiny")));
}

TEST(DesignsJson, HoldsTheSameForPrograms) {
  const auto all = nlohmann::json::parse(designs_json(facts()));
  ASSERT_EQ(all["designs"].size(), kDesigns.size());
  EXPECT_EQ(all["designs"][2]["lookups"]["aliased_tail"]["loads"], 3);
  EXPECT_EQ(all["designs"][1]["frames_kept"]["of_8"], 2);
  EXPECT_EQ(all["designs"][0]["break_before_make_broken_by"].size(), 0U);
  EXPECT_EQ(all["savings"][0]["saved_bytes_per_tib"]["fake-head"], u64{14} << 30);
  EXPECT_EQ(all["savings"].size(), 12U);
}

}  // namespace
}  // namespace hvo::stress
