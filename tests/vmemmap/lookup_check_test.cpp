#include "core/vmemmap/lookup_check.h"

#include <gtest/gtest.h>

#include "tests/support/hook_engine.h"
#include "tests/support/vmemmap_machine.h"

namespace hvo {
namespace {

using test::VmemmapMachine;

struct LookupCheckTest : testing::Test {
  LookupCheckTest() {
    EXPECT_TRUE(m.vmemmap().prep_compound_page(m.cpu(), {16}, Order{4}));
    m.vmemmap().key().inc(m.cpu(), m.all());
  }
  LookupResult look(u64 pfn) { return checked_compound_head<FakeHead>(m.cpu(), m.vmemmap(), {pfn}); }
  /// A lookup at whose n-th step another CPU acts.
  LookupResult look_disturbed(u64 pfn, u64 n, const std::function<void()>& act) {
    u64 nr_steps = 0;
    test::HookEngine engine;
    engine.on_before([&](const Access&) {
      if (++nr_steps == n) act();
    });
    const test::Attached attached(m.cpu(), engine);
    const LookupResult r = look(pfn);
    EXPECT_GE(nr_steps, n) << "the disturbance happened";
    return r;
  }
  VmemmapMachine m;
};

TEST_F(LookupCheckTest, RightForHeadsTailsFakeHeadsAndSinglePages) {
  m.alias(24, 16);
  for (u64 pfn = 0; pfn < 40; ++pfn) EXPECT_EQ(look(pfn), LookupResult::right) << pfn;
  EXPECT_EQ(m.count(Event::lookup), 40U);
  EXPECT_EQ(m.violations(), 0U);
}

TEST_F(LookupCheckTest, WrongWhenATailNamesAStranger) {
  m.poke(20, page_field::compound_head, m.page(8).va | 1);
  EXPECT_EQ(look(20), LookupResult::wrong);
  EXPECT_EQ(m.violations(), 0U) << "the caller grades it";
}

TEST_F(LookupCheckTest, WrongWhenASinglePageNamesAHead) {
  m.poke(3, page_field::compound_head, m.page(16).va | 1);
  EXPECT_EQ(look(3), LookupResult::wrong);
}

TEST_F(LookupCheckTest, SelfHeadWhenATailTakesItselfForItsHead) {
  m.poke(20, page_field::compound_head, 0);
  EXPECT_EQ(look(20), LookupResult::self_head);
  EXPECT_EQ(m.count(Event::window_self_head), 1U);
}

TEST_F(LookupCheckTest, TruthMovedWhenACompoundIsFormedMeanwhileWhateverTheAnswer) {
  look(4);
  Cpu& other = m.cpu(1);
  other.run();
  const auto r = look_disturbed(4, 1, [&] { EXPECT_TRUE(m.vmemmap().prep_compound_page(other, {0}, Order{4})); });
  EXPECT_EQ(r, LookupResult::truth_moved);
  EXPECT_EQ(m.count(Event::window_truth_moved), 1U);
  other.idle();
  EXPECT_EQ(look(4), LookupResult::right);
}

TEST_F(LookupCheckTest, TruthMovedWhileAChangeIsInProgress) {
  m.vmemmap().truth().begin_change({16}, Order{4});
  EXPECT_EQ(look(17), LookupResult::truth_moved);
  m.vmemmap().truth().end_change({16}, Order{4}, Order{4});
  EXPECT_EQ(look(17), LookupResult::right);
}

TEST_F(LookupCheckTest, AFlushServedBetweenTheLoadsOfALookupIsCountedAndHarmless) {
  m.alias(24, 16);
  look(24);
  Cpu& other = m.cpu(1);
  other.run();
  const auto r = look_disturbed(24, 2, [&] { m.cpu().post(other, kRequestFlush, 0, ~u64{0}); });
  other.idle();
  EXPECT_EQ(r, LookupResult::right);
  EXPECT_EQ(m.count(Event::window_flush_served_mid_lookup), 1U);
}

}  // namespace
}  // namespace hvo
