#include <gtest/gtest.h>

#include <set>

#include "bench/arms/loaded_kernels.h"
#include "bench/compare/driver.h"
#include "bench/population.h"

namespace hvo::bench {
namespace {

constexpr u64 kHugepages = 8;

std::unique_ptr<Population> population(std::string_view design, Kind kind) {
  auto made = Population::make(*find_design(design), kind, kHugepages);
  EXPECT_TRUE(made) << made.error();
  return std::move(*made);
}

struct Ground {
  const char* arm;
  bool key;
  std::string_view design;
  Kind kind;
};

/// Every arm over memory on which it is right.
constexpr Ground kGrounds[]{
    {"none", false, "none", Kind::full},
    {"none-again", false, "none", Kind::full},
    {"none-branch-free", false, "none", Kind::full},
    {"none", false, "none", Kind::ordinary},
    {"two-frame", false, "two-frame", Kind::optimized},
    {"two-frame", false, "two-frame", Kind::half},
    {"fake-head", false, "none", Kind::full},
    {"fake-head", true, "none", Kind::full},
    {"fake-head", true, "fake-head", Kind::optimized},
    {"fake-head", true, "fake-head", Kind::half},
    {"fake-head", true, "none", Kind::ordinary},
    {"fake-head-flag", false, "none", Kind::full},
    {"fake-head-flag", true, "fake-head", Kind::optimized},
    {"shared-tail", false, "shared-tail", Kind::full},
    {"shared-tail", false, "shared-tail", Kind::optimized},
    {"shared-tail", false, "shared-tail", Kind::half},
    {"shared-tail", false, "none", Kind::ordinary},
};

void expect_right_answers(const LoadedKernels& kernels) {
  std::vector<u64> pressure(kPressureBytes / sizeof(u64));
  for (const Ground& ground : kGrounds) {
    const auto p = population(ground.design, ground.kind);
    kernels.set_key(ground.key);
    const auto pfns = p->working_set(u64{1} << 17, 4096);
    const u32* const first = pfns.data();
    const u32* const last = first + pfns.size();
    const u64 heads = p->nr_heads(pfns);
    SCOPED_TRACE(std::string(ground.arm) + " over " + std::string(ground.design) + " " +
                 std::string(kind_name(ground.kind)));
    const Kernel* const head = kernels.find("compound_head", ground.arm);
    ASSERT_NE(head, nullptr);
    for (const Loop loop : {head->stream, head->chain, head->pressure}) {
      EXPECT_EQ(loop(p->base(), first, last, pressure.data()), p->sum_of_heads(pfns));
    }
    const Kernel* const is_head = kernels.find("PageHead", ground.arm);
    const Kernel* const is_tail = kernels.find("PageTail", ground.arm);
    if (is_head == nullptr) continue;
    EXPECT_EQ(is_head->stream(p->base(), first, last, nullptr), heads);
    const u64 tails = ground.kind == Kind::ordinary ? 0 : pfns.size() - heads;
    EXPECT_EQ(is_tail->stream(p->base(), first, last, nullptr), tails);
  }
  kernels.set_key(false);
}

TEST(Kernels, OfTheProgramAnswerAsTheTruthDoes) {
  const auto kernels = LoadedKernels::own();
  ASSERT_TRUE(kernels) << kernels.error();
  expect_right_answers(*kernels);
}

TEST(Kernels, OfEachPlacementAnswerAsTheTruthDoes) {
  const std::vector<std::string> placements = placements_in(HVO_KERNELS_FOLDER);
  ASSERT_EQ(placements.size(), 12U);
  // Three of them, for time: each alignment once.
  for (const std::size_t i : {0U, 5U, 11U}) {
    const auto kernels = LoadedKernels::load(placements[i]);
    ASSERT_TRUE(kernels) << kernels.error();
    SCOPED_TRACE(placements[i]);
    expect_right_answers(*kernels);
  }
}

TEST(Kernels, TakeAndDropReferencesOfPagesInUse) {
  const auto kernels = LoadedKernels::own();
  ASSERT_TRUE(kernels) << kernels.error();
  const auto p = population("none", Kind::ordinary);
  const auto pfns = p->pfns(Pattern::random, 1000);
  kernels->set_key(true);
  u64 nr_arms = 0;
  for (const Kernel& kernel : kernels->all()) {
    if (std::string_view(kernel.helper) != "page_ref_add_unless") continue;
    ++nr_arms;
    EXPECT_EQ(kernel.stream(p->base(), pfns.data(), pfns.data() + pfns.size(), nullptr), pfns.size()) << kernel.arm;
  }
  kernels->set_key(false);
  EXPECT_EQ(nr_arms, 7U);
  EXPECT_TRUE(p->machine().validate()) << "each reference was dropped again";
}

TEST(Kernels, EachHasCodeOfItsOwn) {
  const auto kernels = LoadedKernels::own();
  ASSERT_TRUE(kernels) << kernels.error();
  std::set<Loop> loops;
  std::set<Single> singles;
  for (const Kernel& kernel : kernels->all()) {
    EXPECT_TRUE(loops.insert(kernel.stream).second) << kernel.helper << " " << kernel.arm;
    EXPECT_TRUE(singles.insert(kernel.single).second) << kernel.helper << " " << kernel.arm;
  }
}

TEST(Kernels, LieInAnotherOrderInEachPlacement) {
  std::set<std::vector<std::ptrdiff_t>> orders;
  for (const std::string& path : placements_in(HVO_KERNELS_FOLDER)) {
    const auto kernels = LoadedKernels::load(path);
    ASSERT_TRUE(kernels) << kernels.error();
    std::vector<std::ptrdiff_t> distances;
    for (const Kernel& kernel : kernels->all()) {
      distances.push_back(reinterpret_cast<const char*>(kernel.stream) -
                          reinterpret_cast<const char*>(kernels->all().front().stream));
    }
    orders.insert(distances);
  }
  EXPECT_EQ(orders.size(), 12U);
}

TEST(Kernels, RefusesWhatIsNoObject) {
  const auto kernels = LoadedKernels::load("/nonexistent.so");
  ASSERT_FALSE(kernels);
  EXPECT_NE(kernels.error().find("/nonexistent.so"), std::string::npos);
}

}  // namespace
}  // namespace hvo::bench
