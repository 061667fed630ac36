#include <gtest/gtest.h>

#include "stress/explore/explain/values.h"
#include "tests/stress/explore/explain/replayed.h"

namespace hvo::stress {
namespace {

using test::Ended;

class Names : public testing::Test {
 protected:
  std::string name_of(const void* word) const { return ObjectNames(memory_, none_).of_word(word).name; }
  Machine& m() { return run_.machine(); }

  test::Replayed run_{"fake-head"};
  std::vector<Moment> none_;
  PastMemory memory_{run_.machine()};
};

TEST_F(Names, OfLocksAndCountersAreTheKernels) {
  InitMm& mm = m().page_table().init_mm();
  EXPECT_EQ(name_of(&mm.mmap_lock), "mmap_lock");
  EXPECT_EQ(name_of(&mm.page_table_lock), "page_table_lock");
  EXPECT_EQ(name_of(&m().hugetlb().hugetlb_lock()), "hugetlb_lock");
  EXPECT_EQ(name_of(&m().hugetlb().hstates()[0].resize_lock), "resize_lock[order 6]");
  EXPECT_EQ(name_of(&m().vmemmap().key().mutex()), "static key mutex");
  EXPECT_EQ(name_of(&m().vmemmap().key().enabled_word()), "static key");
  EXPECT_EQ(name_of(&m().pages().zone_lock({})), "zone lock of pages");
  EXPECT_EQ(name_of(&m().frames().next().next().node({}).zone_lock()), "zone lock of frames");
  EXPECT_EQ(name_of(&m().budget().word()), "free pages");
  EXPECT_EQ(name_of(&m().cpu(1).wiring().mailbox[0].posted), "request of CPU 0 to CPU 1");
  EXPECT_EQ(name_of(&m().cpu(1).state().attention).substr(0, 8), "arena + ");
}

TEST_F(Names, OfFramesAreThoseOfTheStructPagesAndEntriesInThem) {
  PageTable& table = m().page_table();
  const u64 base = table.vmemmap_base();
  const Geometry& g = m().config().geometry;
  EXPECT_EQ(name_of(&table.pmd_word(base)), "PMD[0]");
  EXPECT_EQ(name_of(&table.pmd_word(base + g.pmd_size())), "PMD[1]");
  const std::byte* frame = memory_.address_of(base + g.page_size());
  ASSERT_NE(frame, nullptr);
  EXPECT_EQ(name_of(frame + page_field::refcount), "page[8].refcount");
  EXPECT_EQ(name_of(frame + kStructPageSize + page_field::compound_head), "page[9].compound_head");
}

TEST_F(Names, OfATableThatIsPublishedLaterAreKnownBefore) {
  const auto optimise = [this](Cpu& cpu) {
    (void)m().hugetlb().alloc_migrate_hugetlb_folio(cpu, m().config().geometry.huge_order);
  };
  ASSERT_TRUE(run_.find({optimise}, 0, [](const Ended& r) { return r.violations.empty(); }));
  PastMemory memory(m());
  const ObjectNames names(memory, run_.moments());
  std::size_t nr_ptes = 0;
  for (const Moment& moment : run_.moments()) {
    if (moment.what == Moment::What::access && moment.access.kind == Kind::fill_frame && nr_ptes == 0) {
      EXPECT_EQ(names.of_word(moment.word).name, "PTE page[0..7]") << "the table, still private";
      ++nr_ptes;
    }
    const Object object = names.of(moment);
    if (object.kind == Object::Kind::pte && moment.access.kind == Kind::store) {
      ++nr_ptes;
      EXPECT_EQ(object.name, "PTE page[8..15]");
      const auto old = memory.read(moment.word, 8);
      ASSERT_TRUE(old) << "what the leaf mapped";
      EXPECT_EQ(change_text(m(), object, old, moment.access.operand), "frame 5 rw → 4 ro");
    }
    memory.happened(moment);
  }
  EXPECT_EQ(nr_ptes, 2U);
}

TEST_F(Names, OfValuesAreTheKernels) {
  const Page page = m().vmemmap().page_of({8});
  const auto field = [&](u64 offset, u64 value) {
    return value_text(m(), {.kind = Object::Kind::page_field, .va = page.va + offset}, value);
  };
  EXPECT_EQ(field(page_field::flags, PG_head | PG_lru), "lru|head");
  EXPECT_EQ(field(page_field::flags, u64{1} << kZoneShift), "0") << "the zone says nothing";
  EXPECT_EQ(field(page_field::compound_head, m().vmemmap().page_of({0}).va + 1), "page[0]+1");
  EXPECT_EQ(field(page_field::mapping, kTailMapping), "TAIL_MAPPING");
  EXPECT_EQ(field(page_field::mapcount, 0xffffffff), "-1");
  EXPECT_EQ(field(page_field::priv, HPG_vmemmap_optimized), "optimized");
  EXPECT_EQ(field(page_field::compound_meta, CompoundMeta::make({4}, true).v), "order 4, hugetlb");
  EXPECT_EQ(value_text(m(), {.kind = Object::Kind::pmd}, Pmd::leaf({4}).v), "leaf frame 4");
  EXPECT_EQ(value_text(m(), {.kind = Object::Kind::spin_lock}, 2), "CPU 1");
  EXPECT_EQ(value_text(m(), {.kind = Object::Kind::rw_sem}, 0xffffffff), "a writer");
}

}  // namespace
}  // namespace hvo::stress
