#include "core/frame/give_back.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>

#include "tests/frame/frame_machine.h"

namespace hvo {
namespace {

using test::FrameMachine;

constexpr u8 kHostPageShift = 12;  // frames of the host's page size, so that each can go alone
constexpr u64 kFrames = 3000;

/// Over both kinds of memory.
struct GiveBackTest : testing::TestWithParam<Backing> {
  explicit GiveBackTest(const FrameAllocatorConfig& config = {}, u32 nr_nodes = 1)
      : m(kFrames, kFrames, config, nr_nodes, kHostPageShift, GetParam()),
        give_back(m.arena(), m.memory(), config, m.nodes()) {}

  std::byte* bytes(FrameNo f) { return m.frames().address(f); }
  static std::byte pattern(FrameNo f) { return static_cast<std::byte>(f.v % 255 + 1); }
  void write(FrameNo f) { std::fill_n(bytes(f), u64{1} << kHostPageShift, pattern(f)); }
  bool holds(FrameNo f, std::byte wanted) {
    return std::all_of(bytes(f), bytes(f) + (u64{1} << kHostPageShift), [&](std::byte b) { return b == wanted; });
  }
  bool is_resident(FrameNo f) {
    unsigned char page = 0;
    EXPECT_EQ(mincore(bytes(f), u64{1} << kHostPageShift, &page), 0);
    return (page & 1) != 0;
  }
  u64 resident_frames() { return m.memory().resident_bytes() >> kHostPageShift; }
  /// `n` frames, written.
  std::vector<FrameNo> take(u64 n) {
    std::vector<FrameNo> frames(n);
    EXPECT_TRUE(m.source().alloc_bulk(m.cpu(), frames));
    for (const FrameNo f : frames) write(f);
    return frames;
  }
  /// Frees every frame but each eighth, as HVO does; returns those that stay.
  std::vector<FrameNo> free_tails(std::vector<FrameNo> frames) {
    std::ranges::sort(frames);
    std::vector<FrameNo> kept;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      if (i % 8 == 0) {
        kept.push_back(frames[i]);
      } else {
        m.source().free(m.cpu(), frames[i], Order{0});
      }
    }
    return kept;
  }
  u64 free_frames() { return give_back.free_frames(m.cpu()).value(); }

  FrameMachine m;
  GiveBack give_back;
};

TEST_P(GiveBackTest, GivesExactlyTheFreeFramesThatWereWritten) {
  const std::vector<FrameNo> frames = take(2000);
  EXPECT_EQ(resident_frames(), 2000U);
  const std::vector<FrameNo> kept = free_tails(frames);
  EXPECT_EQ(resident_frames(), 2000U) << "nothing goes by itself";
  EXPECT_EQ(free_frames(), 2000 - kept.size()) << "also those that lay on a CPU's list";
  EXPECT_EQ(resident_frames(), kept.size());
  for (const FrameNo f : frames) {
    const bool stays = std::ranges::find(kept, f) != kept.end();
    EXPECT_EQ(is_resident(f), stays) << f.v;
    if (stays) EXPECT_TRUE(holds(f, pattern(f))) << f.v;
  }
  EXPECT_TRUE(m.nodes().validate(m.cpu()));
  EXPECT_EQ(m.violations(), 0U);
}

TEST_P(GiveBackTest, AFrameThatWentReadsAsZeroAndServesAgain) {
  const std::vector<FrameNo> frames = take(100);
  m.source().free_bulk(m.cpu(), frames);
  EXPECT_EQ(free_frames(), 100U);
  for (const FrameNo f : frames) EXPECT_TRUE(holds(f, std::byte{0}));
  const std::vector<FrameNo> again = take(100);
  for (const FrameNo f : again) EXPECT_TRUE(holds(f, pattern(f)));
  EXPECT_EQ(m.violations(), 0U);
}

TEST_P(GiveBackTest, GivesAFrameOnceForEachTimeThatItWasUsed) {
  const std::vector<FrameNo> kept = free_tails(take(800));
  EXPECT_EQ(free_frames(), 700U);
  EXPECT_EQ(free_frames(), 0U);
  const std::vector<FrameNo> again = take(30);
  EXPECT_EQ(free_frames(), 0U);
  m.source().free_bulk(m.cpu(), again);
  EXPECT_EQ(free_frames(), 30U);
  m.source().free_bulk(m.cpu(), kept);
  EXPECT_EQ(free_frames(), kept.size());
  EXPECT_EQ(resident_frames(), 0U);
}

TEST_P(GiveBackTest, GivesWholeBlocksToo) {
  const FrameNo block = m.source().alloc(m.cpu(), Order{9}).value();
  for (u64 i = 0; i < 512; ++i) write(block + i);
  m.source().free(m.cpu(), block, Order{9});
  EXPECT_EQ(free_frames(), 512U);
  EXPECT_EQ(resident_frames(), 0U);
}

TEST_P(GiveBackTest, WhatWasFilledBeforeIsStaleAfterwardsAsWell) {
  const std::vector<FrameNo> frames = take(1);
  const u32 fill_epoch = ref(*m.frames().clock).load(std::memory_order::relaxed);
  m.source().free(m.cpu(), frames[0], Order{0});
  EXPECT_GT(m.epoch(frames[0]), fill_epoch);
  EXPECT_EQ(free_frames(), 1U);
  EXPECT_GT(m.epoch(frames[0]), fill_epoch);
  const std::vector<FrameNo> again = take(1);
  EXPECT_EQ(again[0], frames[0]);
  EXPECT_GE(ref(*m.frames().clock).load(std::memory_order::relaxed), m.epoch(again[0]))
      << "what is filled from now on is not stale";
}

struct PoisoningGiveBackTest : GiveBackTest {
  PoisoningGiveBackTest() : GiveBackTest({.poison = true}) {}
};

TEST_P(PoisoningGiveBackTest, KeepsItsFramesAndTheirPattern) {
  const std::vector<FrameNo> frames = take(100);
  m.source().free_bulk(m.cpu(), frames);
  EXPECT_EQ(free_frames(), 0U);
  for (const FrameNo f : frames) EXPECT_TRUE(holds(f, FrameAllocator::kPoisonByte));
  EXPECT_EQ(resident_frames(), 100U);
}

struct NodesGiveBackTest : GiveBackTest {
  NodesGiveBackTest() : GiveBackTest({.nr_cpus = 2}, 2) {}
};

TEST_P(NodesGiveBackTest, GivesTheFramesOfAllNodes) {
  std::vector<FrameNo> all;
  for (u32 id = 0; id < 2; ++id) {
    std::vector<FrameNo> frames(200);
    ASSERT_TRUE(m.source().alloc_bulk(m.cpu(id), frames, Placement::only({id})));
    for (const FrameNo f : frames) write(f);
    all.insert(all.end(), frames.begin(), frames.end());
  }
  EXPECT_EQ(resident_frames(), 400U);
  m.source().free_bulk(m.cpu(0), all);
  EXPECT_EQ(free_frames(), 400U);
  EXPECT_EQ(resident_frames(), 0U);
  EXPECT_TRUE(m.nodes().validate(m.cpu()));
}

struct BusyGiveBackTest : GiveBackTest {
  BusyGiveBackTest() : GiveBackTest({.nr_cpus = 3, .pcp_high = 64, .pcp_batch = 15}) {}
};

/// CPU 0 gives back all the time; the others take frames, write them, and must find what they wrote.
TEST_P(BusyGiveBackTest, NeverTouchesAFrameThatHasAnOwner) {
  std::atomic<u32> nr_busy{2};
  std::atomic<u64> nr_wrong{0};
  std::atomic<u64> nr_given{0};
  m.run_threads([&](Cpu& cpu) {
    if (cpu.id() == 0) {
      // Once at least, also where the others were done before this thread had a core.
      do {
        nr_given += give_back.free_frames(cpu).value();
      } while (nr_busy.load() != 0);
      return;
    }
    Rng rng = Rng::seeded(1, cpu.id());
    for (int i = 0; i < 300; ++i) {
      std::vector<FrameNo> frames(1 + rng.below(200));
      if (!m.source().alloc_bulk(cpu, frames)) continue;
      for (const FrameNo f : frames) bytes(f)[cpu.id()] = pattern(f);
      for (const FrameNo f : frames) nr_wrong += bytes(f)[cpu.id()] != pattern(f);
      m.source().free_bulk(cpu, frames);
    }
    --nr_busy;
  });
  EXPECT_EQ(nr_wrong, 0U);
  EXPECT_GT(nr_given, 0U);
  EXPECT_TRUE(m.nodes().validate(m.cpu()));
  EXPECT_EQ(m.violations(), 0U);
}

struct DiscardTest : testing::TestWithParam<Backing> {};

TEST_P(DiscardTest, ZeroesWhatSharesAPageOfTheHost) {
  auto arena = Arena::create(u64{1} << 20).value();
  const auto memory = PhysicalMemory::create(arena, 64, 9, GetParam());
  ASSERT_TRUE(memory.has_value());
  const auto bytes = [&](u32 frame) { return memory->frames().address({frame}); };
  for (u32 frame = 0; frame < 64; ++frame) std::fill_n(bytes(frame), 512, std::byte{7});
  const FrameRun run{{3}, 20};
  ASSERT_TRUE(memory->discard({&run, 1}).has_value());
  EXPECT_EQ(memory->resident_bytes(), u64{64 - 8} * 512) << "one page of the host lies wholly inside";
  for (u32 frame = 0; frame < 64; ++frame) {
    const std::byte wanted{static_cast<unsigned char>(frame >= 3 && frame < 23 ? 0 : 7)};
    EXPECT_TRUE(std::all_of(bytes(frame), bytes(frame) + 512, [&](std::byte b) { return b == wanted; })) << frame;
  }
}

TEST_P(DiscardTest, OfSeveralRunsKeepsWhatLiesBetween) {
  auto arena = Arena::create(u64{1} << 20).value();
  const auto memory = PhysicalMemory::create(arena, 64, kHostPageShift, GetParam());
  ASSERT_TRUE(memory.has_value());
  const auto byte = [&](u32 frame) -> std::byte& { return *memory->frames().address({frame}); };
  for (u32 frame = 0; frame < 64; ++frame) byte(frame) = std::byte{7};
  const std::array<FrameRun, 3> runs{{{{1}, 7}, {{9}, 7}, {{40}, 24}}};
  ASSERT_TRUE(memory->discard(runs).has_value());
  const auto is_gone = [](u32 f) { return (f >= 1 && f < 8) || (f >= 9 && f < 16) || f >= 40; };
  EXPECT_EQ(memory->resident_bytes(), u64{64 - 38} << kHostPageShift);
  for (u32 frame = 0; frame < 64; ++frame) EXPECT_EQ(byte(frame), std::byte{is_gone(frame) ? u8{0} : u8{7}}) << frame;
}

/// More runs than the host is told of at once.
TEST_P(DiscardTest, OfManyRuns) {
  constexpr u32 kNrFrames = 2048;
  auto arena = Arena::create(u64{1} << 20).value();
  const auto memory = PhysicalMemory::create(arena, kNrFrames, kHostPageShift, GetParam());
  ASSERT_TRUE(memory.has_value());
  std::vector<FrameRun> runs;
  for (u32 frame = 0; frame < kNrFrames; ++frame) {
    *memory->frames().address({frame}) = std::byte{7};
    if (frame % 3 == 1) runs.push_back({{frame}, 1});
  }
  ASSERT_TRUE(memory->discard(runs).has_value());
  EXPECT_EQ(memory->resident_bytes(), (kNrFrames - runs.size()) << kHostPageShift);
  for (u32 frame = 0; frame < kNrFrames; ++frame) {
    EXPECT_EQ(*memory->frames().address({frame}), std::byte{frame % 3 == 1 ? u8{0} : u8{7}}) << frame;
  }
}

std::string backing_name(const testing::TestParamInfo<Backing>& info) {
  return info.param == Backing::file ? "File" : "Private";
}
constexpr auto kBackings = {Backing::file, Backing::anonymous};
INSTANTIATE_TEST_SUITE_P(Each, GiveBackTest, testing::ValuesIn(kBackings), backing_name);
INSTANTIATE_TEST_SUITE_P(Each, PoisoningGiveBackTest, testing::ValuesIn(kBackings), backing_name);
INSTANTIATE_TEST_SUITE_P(Each, NodesGiveBackTest, testing::ValuesIn(kBackings), backing_name);
INSTANTIATE_TEST_SUITE_P(Each, BusyGiveBackTest, testing::ValuesIn(kBackings), backing_name);
INSTANTIATE_TEST_SUITE_P(Each, DiscardTest, testing::ValuesIn(kBackings), backing_name);

}  // namespace
}  // namespace hvo
