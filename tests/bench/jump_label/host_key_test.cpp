#include "bench/jump_label/host_key.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>
#include <vector>

#include "bench/arms/loaded_kernels.h"

namespace hvo::bench {
namespace {

// The test's own branches lie in the same program as the kernels', so the program's key switches both.
[[gnu::noinline]] bool takes_branch() { return static_branch(); }

/// Far more code between branch and target than a jump of two bytes reaches.
[[gnu::noinline]] u64 takes_far_branch(u64 x) {
  if (static_branch()) {
    asm volatile(".skip 300, 0x90" ::: "memory");
    return x + 1;
  }
  asm volatile(".skip 300, 0x90" ::: "memory");
  return x;
}

LoadedKernels own() {
  auto kernels = LoadedKernels::own();
  EXPECT_TRUE(kernels) << kernels.error();
  return *kernels;
}

TEST(HostKey, StartsOffAndSwitchesBothWays) {
  const LoadedKernels kernels = own();
  EXPECT_FALSE(takes_branch());
  EXPECT_EQ(takes_far_branch(1), 1U);
  kernels.set_key(true);
  EXPECT_TRUE(takes_branch());
  EXPECT_EQ(takes_far_branch(1), 2U);
  kernels.set_key(false);
  EXPECT_FALSE(takes_branch());
  EXPECT_EQ(takes_far_branch(1), 1U);
}

TEST(HostKey, SaysHowItIsSwitched) {
  const std::string_view kind = own().key_kind();
  EXPECT_EQ(kind, HVO_JUMP_LABEL != 0 ? "patched code" : "atomic flag");
}

/// What the branches must say: a value while `key_phase` is even, anything while it is odd.
std::atomic<u64> key_phase{0};
bool value_of(u64 phase) { return (phase & 2) != 0; }

/// Runs through both branches until told to stop; counts answers that were wrong.
void run_through(const std::atomic<bool>& stop, std::atomic<u64>& wrong, std::atomic<u64>& judged) {
  while (!stop.load(std::memory_order::relaxed)) {
    const u64 before = key_phase.load(std::memory_order::acquire);
    const bool near = takes_branch();
    const u64 far = takes_far_branch(1);
    const u64 after = key_phase.load(std::memory_order::acquire);
    if (far != 1 && far != 2) wrong.fetch_add(1, std::memory_order::relaxed);
    if (before != after || before % 2 != 0) continue;
    judged.fetch_add(1, std::memory_order::relaxed);
    if (near != value_of(before) || (far == 2) != value_of(before)) wrong.fetch_add(1, std::memory_order::relaxed);
  }
}

TEST(HostKey, IsSwitchedWhileThreadsRunThroughIt) {
  constexpr u64 kFewest = 500;
  constexpr u64 kMost = 400000;
  const LoadedKernels kernels = own();
  const u64 traps_before = HostKey::nr_traps();
  std::atomic<bool> stop{false};
  std::atomic<u64> wrong{0};
  std::atomic<u64> judged{0};
  u64 flips = 0;
  auto needs_more = [&] {
    if (flips < kFewest || judged.load(std::memory_order::relaxed) < 1000) return flips < kMost;
    return HVO_JUMP_LABEL != 0 && HostKey::nr_traps() == traps_before && flips < kMost;
  };
  key_phase.store(0, std::memory_order::release);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i) threads.emplace_back([&] { run_through(stop, wrong, judged); });
    while (needs_more()) {
      const u64 now = key_phase.load(std::memory_order::relaxed);
      key_phase.store(now + 1, std::memory_order::release);
      kernels.set_key(value_of(now + 2));
      key_phase.store(now + 2, std::memory_order::release);
      ++flips;
      // Until somebody has judged this phase; on a busy host not for ever.
      const u64 seen = judged.load(std::memory_order::relaxed);
      for (int i = 0; i < 100 && judged.load(std::memory_order::relaxed) == seen; ++i) std::this_thread::yield();
    }
    stop.store(true, std::memory_order::relaxed);
  }
  kernels.set_key(false);
  EXPECT_EQ(wrong.load(), 0U) << "after " << flips << " switches";
  EXPECT_GE(judged.load(), 1000U);
  if (HVO_JUMP_LABEL != 0) EXPECT_GT(HostKey::nr_traps(), traps_before) << "no thread ever met a breakpoint";
}

TEST(HostKey, AKeyThatDoesNotSwitchIsFoundOut) {
  own().set_key(false);
  key_phase.store(2, std::memory_order::release);  // says on
  std::atomic<bool> stop{false};
  std::atomic<u64> wrong{0};
  std::atomic<u64> judged{0};
  {
    const std::jthread thread([&] { run_through(stop, wrong, judged); });
    while (wrong.load(std::memory_order::relaxed) == 0 && judged.load(std::memory_order::relaxed) < 100000) {
      std::this_thread::yield();
    }
    stop.store(true, std::memory_order::relaxed);
  }
  key_phase.store(0, std::memory_order::release);
  EXPECT_GT(wrong.load(), 0U);
}

#if HVO_JUMP_LABEL
TEST(HostKeyDeathTest, ABreakpointOfSomebodyElseStillKills) {
  const LoadedKernels kernels = own();
  kernels.set_key(true);
  kernels.set_key(false);
  EXPECT_EXIT(asm volatile("int3"), testing::KilledBySignal(SIGTRAP), "");
}

TEST(HostKey, RefusesATableThatNamesNoJump) {
  static const struct {
    JumpEntry entry{.code = 8, .target = 0};
    std::array<u8, 8> no_jump{0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3};
  } table;
  EXPECT_FALSE(make_patched_key({&table.entry, 1}));
}

TEST(HostKey, RefusesAnEmptyTable) { EXPECT_FALSE(make_patched_key({})); }
#endif

}  // namespace
}  // namespace hvo::bench
