#include "bench/suite.h"

#include <gtest/gtest.h>

#include <set>

namespace hvo::bench {
namespace {

TEST(Suite, ArmsHaveNamesOfTheirOwn) {
  const Suite suite(quick_scale());
  std::set<std::string> names;
  for (const Arm& arm : suite.arms()) EXPECT_TRUE(names.insert(arm.name).second) << arm.name;
  EXPECT_GT(names.size(), 50U);
}

TEST(Suite, EveryLookupHasTwoIdenticalBaselines) {
  const Suite suite(quick_scale());
  for (const LookupCase& c : lookup_cases()) {
    for (const char* const design : {"none", "none-again"}) {
      const std::string name = lookup_name(lookup_design(design), c.kind, c.pattern, c.flow);
      EXPECT_EQ(suite.arm(name).name, name);
    }
  }
}

}  // namespace
}  // namespace hvo::bench
