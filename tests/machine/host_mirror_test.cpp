#include "core/machine/host_mirror.h"

#include <gtest/gtest.h>

#include "core/vmemmap/page_ref.h"

namespace hvo {
namespace {

bool key_is_on() { return true; }
bool key_is_off() { return false; }

using KeyOn = HostPages<key_is_on>;
using KeyOff = HostPages<key_is_off>;

/// A machine and the memory that mirrors it; the mirror is made first and mapped when map() is called.
struct Mirrored {
  explicit Mirrored(std::string_view design, u64 memory_pages = u64{1} << 16)
      : mirror(make_mirror(design, memory_pages)) {
    MachineConfig config = config_of(design, memory_pages);
    config.vmemmap_base = mirror.vmemmap_base();
    machine = std::move(*Machine::create(config));
    machine->cpu(0).run();
  }
  ~Mirrored() { machine->cpu(0).idle(); }
  Mirrored(const Mirrored&) = delete;
  Mirrored& operator=(const Mirrored&) = delete;

  static MachineConfig config_of(std::string_view design, u64 memory_pages) {
    MachineConfig config;
    config.design = find_design(design);
    config.memory_pages = memory_pages;
    return config;
  }
  static HostMirror make_mirror(std::string_view design, u64 memory_pages) {
    return std::move(*HostMirror::reserve(config_of(design, memory_pages)));
  }

  Cpu& cpu() const { return machine->cpu(0); }
  void map() {
    cpu().idle();
    const auto mapped = mirror.map(*machine);
    ASSERT_TRUE(mapped) << mapped.error();
    cpu().run();
  }
  Pfn hugepage() const { return machine->hugetlb().alloc_migrate_hugetlb_folio(cpu(), Order{9}).value(); }
  void free_hugepage(Pfn head) const { ASSERT_TRUE(machine->hugetlb().folio_put(cpu(), head)); }
  Page page(Pfn pfn) const { return machine->vmemmap().page_of(pfn); }

  HostMirror mirror;
  std::unique_ptr<Machine> machine;
};

/// Pfns about which some helper, through plain pointers, says something else than the machine's truth.
template <class Encoding, class Pages>
u64 wrong_answers(const Mirrored& m, const Pages& pages) {
  Vmemmap& vmemmap = m.machine->vmemmap();
  u64 nr_wrong = 0;
  for (Pfn pfn{0}; pfn.v < vmemmap.nr_pages(); ++pfn) {
    const Truth::Answer truth = vmemmap.truth().about(pfn);
    const Page p = vmemmap.page_of(pfn);
    const Page head = vmemmap.page_of(truth.head);
    const bool is_compound = truth.order.v > 0;
    const bool is_tail = head != p;
    const bool looks_like_no_tail = (pages.read_once(p, page_field::compound_head) & 1) == 0;
    const bool right = compound_head<Encoding>(pages, p) == head && PageTail<Encoding>(pages, p) == is_tail &&
                       PageHead<Encoding>(pages, p) == (is_compound && !is_tail) &&
                       PageCompound<Encoding>(pages, p) == is_compound &&
                       (!looks_like_no_tail || page_fixed_fake_head<Encoding>(pages, p) == head) &&
                       (!looks_like_no_tail || page_is_fake_head<Encoding>(pages, p) == is_tail);
    nr_wrong += right ? 0 : 1;
  }
  return nr_wrong;
}

TEST(HostMirror, EveryHelperOnEveryPfnSaysWhatTheTruthSays) {
  Mirrored m("fake-head");
  const Pfn first = m.hugepage();
  const Pfn second = m.hugepage();
  for (const Order order : {Order{0}, Order{1}, Order{3}, Order{6}, Order{9}}) {
    ASSERT_TRUE(m.machine->pages().alloc_pages(m.cpu(), order));
  }
  m.map();
  EXPECT_EQ(wrong_answers<FakeHead>(m, KeyOn{}), 0U);
  EXPECT_EQ(wrong_answers<FakeHead>(m, KeyOff{}), 2U * 7) << "with the key off each fake head passes for a head";

  m.free_hugepage(second);
  m.map();
  EXPECT_EQ(wrong_answers<FakeHead>(m, KeyOn{}), 0U) << "one restored";
  m.free_hugepage(first);
  m.map();
  EXPECT_EQ(wrong_answers<FakeHead>(m, KeyOn{}), 0U) << "all restored, key still on";
  EXPECT_EQ(wrong_answers<FakeHead>(m, KeyOff{}), 0U) << "all restored, key off";
}

TEST(HostMirror, MapsGiganticFoliosToo) {
  Mirrored m("fake-head", u64{1} << 19);
  ASSERT_TRUE(m.machine->hugetlb().alloc_migrate_hugetlb_folio(m.cpu(), Order{18}));
  m.map();
  EXPECT_EQ(wrong_answers<FakeHead>(m, KeyOn{}), 0U);
  EXPECT_GE(m.mirror.nr_mappings(), 4096U);
}

TEST(HostMirror, MapsTheBaselineThroughItsLeaves) {
  Mirrored m("none");
  m.hugepage();
  m.map();
  EXPECT_EQ(wrong_answers<PointerHead>(m, KeyOff{}), 0U);
  EXPECT_EQ(wrong_answers<FakeHead>(m, KeyOn{}), 0U) << "the check changes no answer where nothing is aliased";
  EXPECT_LE(m.mirror.nr_mappings(), m.machine->page_table().nr_pmds()) << "never more than one mapping a leaf";
}

TEST(HostMirror, TakesEightMappingsForAnOptimisedFolio) {
  Mirrored m("fake-head");
  m.map();
  const u64 before = m.mirror.nr_mappings();
  m.hugepage();
  m.hugepage();
  m.map();
  EXPECT_GE(m.mirror.nr_mappings(), u64{2} * 8);
  EXPECT_LE(m.mirror.nr_mappings(), before + u64{2} * 8 + 2) << "the rest, before and after them, is a few long runs";
}

TEST(HostMirror, SharesItsFramesWithTheMachine) {
  Mirrored m("fake-head");
  const Page head = m.page(m.hugepage());
  m.map();
  ref(*reinterpret_cast<Word<u64>*>(head.va + page_field::memcg_data)).store(77, std::memory_order::relaxed);
  EXPECT_EQ(m.cpu().read_once_at<u64>(head.va + page_field::memcg_data), 77U);
  const Page fake = head + 64;
  EXPECT_EQ(KeyOn{}.read_once(fake, page_field::memcg_data), 77U) << "a fake head is the head's frame";
}

TEST(HostMirrorDeathTest, AStoreToAnAliasedTailFaults) {
  GTEST_FLAG_SET(death_test_style, "fast");
  Mirrored m("fake-head");
  const Page head = m.page(m.hugepage());
  m.map();
  auto store = [](Page p) {
    ref(*reinterpret_cast<Word<u64>*>(p.va + page_field::memcg_data)).store(1, std::memory_order::relaxed);
  };
  store(head);
  for (u64 page = 1; page < 8; ++page) EXPECT_DEATH(store(head + page * 64 + 5), "") << "vmemmap page " << page;
}

TEST(HostMirror, RefusesAGeometryThatTheHostDoesNotHave) {
  MachineConfig config;
  config.geometry = *find_geometry("tiny");
  const auto mirror = HostMirror::reserve(config);
  ASSERT_FALSE(mirror);
  EXPECT_NE(mirror.error().find("tiny"), std::string::npos);
}

TEST(HostMirror, RefusesFramesThatNothingElseCanMap) {
  MachineConfig config;
  config.backing = Backing::anonymous;
  const auto mirror = HostMirror::reserve(config);
  ASSERT_FALSE(mirror);
  EXPECT_NE(mirror.error().find("Backing::file"), std::string::npos) << mirror.error();
}

TEST(HostMirror, NamesTheMapCountThatItNeeds) {
  EXPECT_EQ(refuse_mappings(100, 50, 65530), "");
  const std::string why = refuse_mappings(70000, 50, 65530);
  EXPECT_NE(why.find("70000 memory mappings"), std::string::npos) << why;
  EXPECT_NE(why.find("sudo sysctl vm.max_map_count=70114"), std::string::npos) << why;
  EXPECT_EQ(refuse_mappings(70000, 50, 70114), "") << "what it asks for is enough";
}

}  // namespace
}  // namespace hvo
