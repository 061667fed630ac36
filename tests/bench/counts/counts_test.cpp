#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/arms/loaded_kernels.h"
#include "bench/counts/counter.h"
#include "bench/counts/disassembly.h"

namespace hvo::bench {
namespace {

using testing::ElementsAre;

TEST(PathPages, MakeEachHelperTakeItsPath) {
  const auto kernels = LoadedKernels::own();
  ASSERT_TRUE(kernels) << kernels.error();
  const PathPages pages;
  kernels->set_key(true);
  const Single head = kernels->find("compound_head", "fake-head")->single;
  const u64 true_head = pages.page(Path::aligned_head);
  EXPECT_EQ(head(pages.page(Path::tail)), true_head);
  EXPECT_EQ(head(true_head), true_head);
  EXPECT_EQ(head(pages.page(Path::aligned_fake)), true_head);
  EXPECT_EQ(head(pages.page(Path::not_tail)), pages.page(Path::not_tail));
  EXPECT_EQ(head(pages.page(Path::aligned)), pages.page(Path::aligned));
  EXPECT_EQ(kernels->find("PageTail", "fake-head")->single(pages.page(Path::aligned_fake)), 1U);
  EXPECT_EQ(kernels->find("PageHead", "fake-head")->single(pages.page(Path::aligned_fake)), 0U);
  kernels->set_key(false);
  EXPECT_EQ(head(pages.page(Path::aligned_fake)), pages.page(Path::aligned_fake)) << "off: nobody looks for fake heads";
}

TEST(Counts, ReadsCallgrindsParts) {
  const std::string text =
      "version: 1\npart: 1\nevents: Ir Dr Dw Bc\nsummary: 10 4 3 2\n\ntotals: 10 4 3 2\n"
      "part: 2\nevents: Ir Dr Dw Bc\nsummary: 30 6 3 5\n\ntotals: 30 6 3 5\npart: 3\nevents: Ir\ntotals: 0\n";
  const auto parts = parse_callgrind(text);
  ASSERT_TRUE(parts) << parts.error();
  ASSERT_EQ(parts->size(), 2U);
  EXPECT_EQ((*parts)[1].instructions, 30U);
  EXPECT_EQ((*parts)[1].loads, 6U);
  EXPECT_EQ((*parts)[1].branches, 5U);
  EXPECT_FALSE(parse_callgrind("nothing"));
}

TEST(Counts, AreTakenAgainstAFunctionThatOnlyReturns) {
  const Counts counts = counts_of({5 * kCalls, 3 * kCalls, 2 * kCalls}, {2 * kCalls, 2 * kCalls, kCalls});
  EXPECT_DOUBLE_EQ(counts.instructions, 4);
  EXPECT_DOUBLE_EQ(counts.loads, 1);
  EXPECT_DOUBLE_EQ(counts.branches.value_or(0), 1);
  EXPECT_FALSE(counts_of({5 * kCalls, 3 * kCalls, {}}, {2 * kCalls, 2 * kCalls, kCalls}).branches);
}

TEST(Disassembly, ReadsTheFirstFunction) {
  const Disassembly d = parse_objdump(
      "0000 <f(long)>:\n    10:\tmov    0x8(%rdi),%rax\n    14:\tjne    20 <f(long)+0x20>\n    16:\tcmovne %rdx,%rax\n"
      "    1a:\tret\n    1b:\tnopl   0x0(%rax)\n\n0020 <g>:\n    20:\tret\n");
  EXPECT_THAT(d.lines, ElementsAre("mov    0x8(%rdi),%rax", "jne +0x20", "cmovne %rdx,%rax", "ret"));
  EXPECT_EQ(d.nr_branches, 1U);
  EXPECT_EQ(d.nr_conditional_moves, 1U);
  EXPECT_EQ(d.shape(), "both");
}

#if HVO_JUMP_LABEL
TEST(Disassembly, TheTwoBaselinesAreOneFunctionTwice) {
  const auto kernels = LoadedKernels::own();
  ASSERT_TRUE(kernels) << kernels.error();
  const auto one = disassemble(kernels->find("compound_head", "none")->single);
  const auto other = disassemble(kernels->find("compound_head", "none-again")->single);
  ASSERT_TRUE(one) << one.error();
  ASSERT_TRUE(other) << other.error();
  EXPECT_EQ(one->lines, other->lines);
  EXPECT_EQ(one->shape(), "branch");
  EXPECT_EQ(disassemble(kernels->find("compound_head", "none-branch-free")->single)->nr_branches, 0U);
}

TEST(Counts, OfTheFakeHeadArmsAreNoMoreThanTheKernels) {
  const auto kernels = LoadedKernels::own();
  ASSERT_TRUE(kernels) << kernels.error();
  // The kernel's were read from what gcc-12 made of it; another compiler makes other code of both.
  if (!kernels->compiler().starts_with("g++ 12")) GTEST_SKIP() << "built by " << kernels->compiler();
  const auto result = count_all(HVO_BENCH_PROGRAM);
  ASSERT_TRUE(result) << result.error();
  u64 nr_compared = 0;
  for (u64 i = 0; i < counted().size(); ++i) {
    const Counted& c = counted()[i];
    if (!c.kernel) continue;
    ++nr_compared;
    EXPECT_LE(result->counts[i].instructions, c.kernel->instructions) << c.helper << " " << path_name(c.path);
    EXPECT_LE(result->counts[i].loads, c.kernel->loads) << c.helper << " " << path_name(c.path);
    EXPECT_GE(result->counts[i].instructions, 2) << "a count that counted nothing";
  }
  EXPECT_GE(nr_compared, 10U);
}
#endif

}  // namespace
}  // namespace hvo::bench
