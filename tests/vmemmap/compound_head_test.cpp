#include "core/vmemmap/compound_head.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "tests/support/vmemmap_machine.h"

namespace hvo {
namespace {

using test::VmemmapMachine;

/// The answers of all helpers for one struct page.
struct Answers {
  Page head;
  bool is_head = false;
  bool is_tail = false;
  bool is_compound = false;
  bool is_fake = false;
  friend bool operator==(const Answers&, const Answers&) = default;
};

template <class Encoding, class Accessor>
Answers ask(const Accessor& a, Page p) {
  const Page fixed = page_fixed_fake_head<Encoding>(a, p);
  EXPECT_EQ(page_is_fake_head<Encoding>(a, p), fixed != p);
  return {compound_head<Encoding>(a, p), PageHead<Encoding>(a, p), PageTail<Encoding>(a, p),
          PageCompound<Encoding>(a, p), fixed != p};
}

Answers head_of(Page p) { return {p, true, false, true, false}; }
Answers tail_of(Page head) { return {head, false, true, true, false}; }
Answers fake_of(Page head) { return {head, false, true, true, true}; }
Answers single(Page p) { return {p, false, false, false, false}; }

// ---- plain memory, made by hand: what a benchmark and a real kernel look at

bool key_on() { return true; }
bool key_off() { return false; }

/// Four pages of struct pages: a compound of 192 whose second and third page are copies of its first, as an alias of
/// its frame reads; then a page with a compound of 4 in its middle and single pages round it.
struct HandMade {
  static constexpr u64 kStructs = 64;
  alignas(4096) std::array<PageImage, 4 * kStructs> memory;

  HandMade() {
    memory.fill(PageImage::free_page(0));
    compound(0, kStructs);
    for (const u64 copy : {1U, 2U}) std::memcpy(&memory[copy * kStructs], memory.data(), 4096);
    compound(3 * kStructs + 8, 4);
  }
  void compound(u64 first, u64 n) {
    memory[first].w[page_field::flags / 8] |= PG_head;
    for (u64 i = 1; i < n; ++i) memory[first + i] = PageImage::tail(0, page(first).va | 1);
  }
  Page page(u64 i) const { return {reinterpret_cast<u64>(&memory[i])}; }
};

struct HostPagesTest : testing::Test {
  HandMade m;
  HostPages<key_on> on;
  HostPages<key_off> off;
};

TEST_F(HostPagesTest, AHeadATailAndASinglePageAreWhatTheyAreUnderBothEncodings) {
  for (const auto& [i, want] : {std::pair{u64{0}, head_of(m.page(0))},
                                {u64{1}, tail_of(m.page(0))},
                                {u64{63}, tail_of(m.page(0))},
                                {u64{65}, tail_of(m.page(0))},
                                {u64{192}, single(m.page(192))},
                                {u64{200}, head_of(m.page(200))},
                                {u64{203}, tail_of(m.page(200))},
                                {u64{204}, single(m.page(204))}}) {
    EXPECT_EQ(ask<PointerHead>(off, m.page(i)), want) << i;
    EXPECT_EQ(ask<FakeHead>(on, m.page(i)), want) << i;
    EXPECT_EQ(ask<FakeHead>(off, m.page(i)), want) << i;
  }
}

TEST_F(HostPagesTest, AFakeHeadIsATailOfTheRealOneWhileTheKeyIsOn) {
  for (const u64 i : {64U, 128U}) EXPECT_EQ(ask<FakeHead>(on, m.page(i)), fake_of(m.page(0)));
}

TEST_F(HostPagesTest, AFakeHeadIsTakenForAHeadWithoutTheCheck) {
  for (const u64 i : {64U, 128U}) {
    EXPECT_EQ(ask<FakeHead>(off, m.page(i)), head_of(m.page(i)));
    EXPECT_EQ(ask<PointerHead>(on, m.page(i)), head_of(m.page(i)));
  }
}

/// An accessor that notes what is read.
struct Noting {
  const HostPages<key_on>& pages;
  std::vector<std::pair<Page, u64>>& reads;
  u64 read_once(Page p, u64 field) const {
    reads.emplace_back(p, field);
    return pages.read_once(p, field);
  }
  bool key_enabled() const { return pages.key_enabled(); }
  bool is_page_aligned(Page p) const { return pages.is_page_aligned(p); }
};

TEST_F(HostPagesTest, OnlyAPageAlignedStructPageWithPgHeadCostsALookAtTheNextOne) {
  std::vector<std::pair<Page, u64>> reads;
  const Noting noting{on, reads};
  auto nr_reads = [&](u64 i) {
    reads.clear();
    compound_head<FakeHead>(noting, m.page(i));
    return reads.size();
  };
  EXPECT_EQ(nr_reads(64), 3U);
  EXPECT_EQ(reads.back(), std::pair(m.page(65), page_field::compound_head));
  EXPECT_EQ(nr_reads(1), 1U) << "a tail by its own word";
  EXPECT_EQ(nr_reads(200), 1U) << "a head, but not page-aligned";
  EXPECT_EQ(nr_reads(192), 2U) << "page-aligned, but no head: flags only";
}

TEST_F(HostPagesTest, ACompoundOfOnePageAtThePagesStartStaysItsOwnHead) {
  m.memory[192].w[page_field::flags / 8] |= PG_head;  // slot 1 is no tail
  EXPECT_EQ(ask<FakeHead>(on, m.page(192)), head_of(m.page(192)));
}

// ---- through a simulated CPU

struct CpuPagesTest : testing::Test {
  CpuPagesTest() {
    EXPECT_TRUE(m.vmemmap().prep_compound_page(m.cpu(), {0}, Order{4}));
    EXPECT_TRUE(m.vmemmap().prep_compound_page(m.cpu(), {20}, Order{2}));
  }
  VmemmapMachine m;
};

TEST_F(CpuPagesTest, EachEncodingAnswersForHeadsTailsAndSinglePages) {
  m.vmemmap().key().inc(m.cpu(), m.all());
  for (u64 i = 0; i < 32; ++i) {
    Answers want = single(m.page(i));
    if (i < 16) want = i == 0 ? head_of(m.page(0)) : tail_of(m.page(0));
    if (i >= 20 && i < 24) want = i == 20 ? head_of(m.page(20)) : tail_of(m.page(20));
    EXPECT_EQ(ask<PointerHead>(m.pages(), m.page(i)), want) << i;
    EXPECT_EQ(ask<FakeHead>(m.pages(), m.page(i)), want) << i;
  }
}

TEST_F(CpuPagesTest, AnAliasedPageShowsAFakeHeadThatTheKeySwitches) {
  m.alias(8, 0);
  EXPECT_EQ(ask<FakeHead>(m.pages(), m.page(8)), head_of(m.page(8)));
  m.vmemmap().key().inc(m.cpu(), m.all());
  EXPECT_EQ(ask<FakeHead>(m.pages(), m.page(8)), fake_of(m.page(0)));
  for (u64 i = 9; i < 16; ++i) EXPECT_EQ(ask<FakeHead>(m.pages(), m.page(i)), tail_of(m.page(0)));
  m.vmemmap().key().dec(m.cpu(), m.all());
  EXPECT_EQ(ask<FakeHead>(m.pages(), m.page(8)), head_of(m.page(8)));
}

}  // namespace
}  // namespace hvo
