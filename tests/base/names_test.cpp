// The tables of names that reports, command lines and result files are made of: complete, distinct, in order.
#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/events.h"
#include "core/base/safeguards.h"
#include "core/base/violation.h"

namespace hvo {
namespace {

/// The names of the enumerators 0 … n-1; the one after them must have none, so n is not too small.
template <class E, class Name>
std::vector<std::string_view> names_of(unsigned n, Name name) {
  std::vector<std::string_view> names;
  for (unsigned i = 0; i < n; ++i) names.push_back(name(static_cast<E>(i)));
  EXPECT_EQ(name(static_cast<E>(n)), "?") << "the table has more rows than were looked at";
  return names;
}

void expect_complete(const std::vector<std::string_view>& names) {
  std::set<std::string_view> seen;
  for (const std::string_view name : names) {
    EXPECT_FALSE(name.empty());
    EXPECT_NE(name, "?") << "a row without a name";
    EXPECT_TRUE(seen.insert(name).second) << name << " twice";
  }
}

TEST(Names, EveryRuleHasItsOwn) { expect_complete(names_of<Rule>(kNrRules, rule_name)); }

TEST(Names, EveryOperationHasItsOwn) { expect_complete(names_of<Op>(static_cast<unsigned>(Op::test) + 1, op_name)); }

TEST(Names, EveryErrorIsNamedAsTheKernelNamesIt) {
  const auto names = names_of<Errno>(static_cast<unsigned>(Errno::efault) + 1, errno_name);
  expect_complete(names);
  for (const std::string_view name : names) EXPECT_EQ(name.front(), 'E');
}

TEST(Names, EveryEventHasANameAndATextOfItsOwn) {
  expect_complete({kEventNames.begin(), kEventNames.end()});
  expect_complete({kEventTexts.begin(), kEventTexts.end()});
  EXPECT_EQ(kEventNames.size(), kNrEvents);
  EXPECT_EQ(kEventNames[static_cast<unsigned>(Event::pmd_split)], "pmd_split");
  EXPECT_EQ(kEventTexts[static_cast<unsigned>(Event::pmd_split)], "PMD splits");
}

TEST(Names, WindowsAreNamedAsWindowsAndCostsAreNot) {
  for (unsigned i = 0; i < kNrEvents; ++i) {
    const bool is_window = i >= static_cast<unsigned>(Event::window_tail_read_through_alias);
    EXPECT_EQ(kEventNames.at(i).starts_with("window_"), is_window) << kEventNames.at(i);
  }
}

TEST(EventCounts, AddUpByEvent) {
  EventCounts a;
  EventCounts b;
  a[Event::tlb_flush] = 2;
  b[Event::tlb_flush] = 3;
  b[Event::lookup] = 1;
  a += b;
  EXPECT_EQ(a[Event::tlb_flush], 5U);
  EXPECT_EQ(a[Event::lookup], 1U);
  EXPECT_EQ(a[Event::pmd_split], 0U);
}

TEST(Safeguards, TheTableListsEachOnceInTheOrderOfTheEnum) {
  std::set<std::string_view> names;
  for (unsigned i = 0; i < kNrSafeguards; ++i) {
    const SafeguardInfo& row = kSafeguards.at(i);
    EXPECT_EQ(static_cast<unsigned>(row.safeguard), i);
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_FALSE(row.what.empty());
    for (const char c : row.name) EXPECT_TRUE(std::islower(c) != 0 || c == '-') << row.name << ": typed by users";
  }
}

TEST(Safeguards, AreAllInPlaceUntilOneIsRemoved) {
  for (const SafeguardInfo& removed : kSafeguards) {
    const Safeguards s = Safeguards{}.without(removed.safeguard);
    for (const SafeguardInfo& row : kSafeguards) {
      EXPECT_TRUE(Safeguards{}.has(row.safeguard));
      EXPECT_EQ(s.has(row.safeguard), row.safeguard != removed.safeguard);
    }
  }
}

}  // namespace
}  // namespace hvo
