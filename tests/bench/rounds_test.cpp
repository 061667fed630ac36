#include "bench/rounds.h"

#include <gtest/gtest.h>

#include <map>

namespace hvo::bench {
namespace {

class Rounds : public testing::Test {
 protected:
  /// An arm that takes `ns` for each operation and notes that it was run.
  Arm arm(const std::string& name, double ns) {
    return {name, "an operation", 10, [this, name, ns](u64 n) {
              order_.push_back(name);
              return ns * static_cast<double>(n);
            }};
  }
  std::vector<std::string> order_;
};

TEST_F(Rounds, TimesArePerOperationAndTheFirstRoundDoesNotCount) {
  const Arm a = arm("a", 3);
  const Arm b = arm("b", 2);
  const Samples s = run_rounds({&a, &b}, 4);
  EXPECT_EQ(order_.size(), 10U);
  EXPECT_EQ(s.of("a"), std::vector<double>(4, 3));
  EXPECT_DOUBLE_EQ(s.ratio("a", "b").median, 1.5);
}

TEST_F(Rounds, NoArmIsAlwaysFirst) {
  const Arm a = arm("a", 1);
  const Arm b = arm("b", 1);
  const Arm c = arm("c", 1);
  run_rounds({&a, &b, &c}, 11);
  std::map<std::string, int> firsts;
  for (std::size_t i = 0; i < order_.size(); i += 3) ++firsts[order_[i]];
  EXPECT_EQ(firsts.size(), 3U);
}

}  // namespace
}  // namespace hvo::bench
