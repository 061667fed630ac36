// Weak memory in the small: sizes, frames, what is changed behind the seam. One host thread plays all CPUs.
#include <gtest/gtest.h>

#include "stress/explore/memory/weak_memory.h"
#include "tests/support/test_machine.h"

namespace hvo::test {
namespace {

/// Takes the alternative it was told to, or the first, and notes how many there were.
class Told final : public stress::Chooser {
 public:
  u32 choose(Cpu& /*cpu*/, u32 n) override {
    nr = n;
    return take < n ? take : n - 1;
  }
  u32 take = 0;
  u32 nr = 1;
};

class WeakWords : public testing::Test {
 protected:
  static Access access(Kind kind, MemoryOrder order, u8 size, u64 operand = 0) {
    return {.kind = kind, .order = order, .size = size, .operand = operand};
  }
  template <class T>
  void store(u32 cpu, T* word, u64 value, MemoryOrder order = MemoryOrder::relaxed) {
    memory_.perform(machine_.cpu(cpu), access(Kind::store, order, sizeof(T), value), word, told_);
  }
  template <class T>
  u64 load(u32 cpu, T* word, u32 take, MemoryOrder order = MemoryOrder::relaxed) {
    told_.take = take;
    told_.nr = 1;
    return memory_.perform(machine_.cpu(cpu), access(Kind::load, order, sizeof(T)), word, told_);
  }
  static constexpr u32 kOldest = 100;

  TestMachine machine_{2};
  stress::WeakMemory memory_{machine_.all()};
  Told told_;
  u64* word_ = machine_.arena().make_span<u64>(64).data();
  u32* half_ = reinterpret_cast<u32*>(word_);
};

TEST_F(WeakWords, AnOldValueIsSaidToBeOne) {
  store(0, word_, 1);
  EXPECT_EQ(load(1, word_, kOldest), 0);
  EXPECT_EQ(told_.nr, 2);
  EXPECT_TRUE(memory_.was_old());
  EXPECT_EQ(load(1, word_, 0), 1);
  EXPECT_FALSE(memory_.was_old());
  EXPECT_EQ(load(1, word_, kOldest), 1) << "once seen, the new value stays";
  EXPECT_EQ(told_.nr, 1);
}

TEST_F(WeakWords, AStartForgetsAll) {
  store(0, word_, 1);
  memory_.start();
  EXPECT_EQ(load(1, word_, kOldest), 1);
  EXPECT_EQ(told_.nr, 1);
  store(0, word_, 2);
  EXPECT_EQ(load(1, word_, kOldest), 1);
}

TEST_F(WeakWords, HalvesOfAWordHaveHistoriesOfTheirOwn) {
  store(0, &half_[0], 1);
  store(0, &half_[1], 2);
  EXPECT_EQ(load(1, &half_[1], 0), 2);
  EXPECT_EQ(load(1, &half_[0], kOldest), 0) << "the newer store to the other half says nothing of this one";
  EXPECT_EQ(told_.nr, 2);
}

TEST_F(WeakWords, AWholeWordIsReadAsItWasAtOneMoment) {
  store(0, &half_[0], 1);
  store(0, &half_[1], 2);
  EXPECT_EQ(load(1, word_, 1), 1);
  EXPECT_EQ(told_.nr, 3);
  EXPECT_EQ(load(1, &half_[0], kOldest), 1) << "a part is not older than the whole was";
  EXPECT_EQ(told_.nr, 1);
  EXPECT_EQ(load(1, &half_[1], kOldest), 0);
  EXPECT_EQ(load(1, word_, 0), 0x2'0000'0001U);
  EXPECT_EQ(load(1, &half_[1], kOldest), 2);
}

TEST_F(WeakWords, SmallWordsSitBesideEachOther) {
  auto* bytes = reinterpret_cast<u8*>(word_);
  store(0, &bytes[3], 7);
  store(0, reinterpret_cast<u16*>(&bytes[6]), 0x0909);
  EXPECT_EQ(load(1, &bytes[3], kOldest), 0);
  EXPECT_EQ(load(1, &bytes[7], 0), 9);
  EXPECT_EQ(load(1, &bytes[6], kOldest), 0) << "what was read is a part of what was stored";
  EXPECT_EQ(load(1, &bytes[2], kOldest), 0);
  EXPECT_EQ(told_.nr, 1);
}

TEST_F(WeakWords, WhatIsChangedBehindTheSeamIsSeenByAll) {
  store(0, word_, 1);
  store(0, word_, 2);
  *word_ = 5;
  EXPECT_EQ(load(1, word_, kOldest), 5);
  EXPECT_EQ(told_.nr, 1);
  store(0, word_, 6);
  EXPECT_EQ(load(1, word_, kOldest), 5);
}

TEST_F(WeakWords, ChangesBesideAWordDoNotEndItsHistory) {
  store(0, &half_[0], 1);
  half_[1] = 9;
  EXPECT_EQ(load(1, &half_[0], kOldest), 0);
  EXPECT_EQ(load(1, word_, 0), 0x9'0000'0001U);
}

TEST_F(WeakWords, OfManyStoresTheLastFewCanStillBeRead) {
  for (u64 i = 1; i <= 100; ++i) store(0, word_, i);
  const u64 oldest = load(1, word_, kOldest);
  EXPECT_GT(oldest, 85);
  EXPECT_LT(oldest, 100);
}

TEST_F(WeakWords, EqualValuesInARowAreOneChoice) {
  store(0, word_, 1);
  store(0, word_, 1);
  store(0, word_, 1);
  EXPECT_EQ(load(1, word_, 0), 1);
  EXPECT_EQ(told_.nr, 2);
}

TEST_F(WeakWords, OrdinaryLoadsSeeTheNewest) {
  store(0, word_, 1);
  EXPECT_EQ(memory_.perform(machine_.cpu(1), access(Kind::plain_load, MemoryOrder::plain, 8), word_, told_), 1);
}

TEST_F(WeakWords, AFilledFrameIsPublishedByARelease) {
  const u64 frame_words = TestMachine::kPage / 8;
  std::vector<u64> content(frame_words, 7);
  auto* frame = reinterpret_cast<u64*>(machine_.frames().address({3}));
  const auto fill = [&] {
    memory_.perform(machine_.cpu(0),
                    {.kind = Kind::fill_frame, .order = MemoryOrder::plain, .size = 0, .data = content.data()}, frame,
                    told_);
  };
  fill();
  EXPECT_EQ(frame[5], 7);
  store(0, word_, 1);
  EXPECT_EQ(load(1, word_, 0, MemoryOrder::acquire), 1);
  EXPECT_EQ(load(1, &frame[5], kOldest), 0);
  store(0, word_, 2, MemoryOrder::release);
  EXPECT_EQ(load(1, word_, 0, MemoryOrder::acquire), 2);
  EXPECT_EQ(load(1, &frame[6], kOldest), 7);
  EXPECT_EQ(told_.nr, 1);
}

TEST_F(WeakWords, ALineIsReadAsItWasAtOneMoment) {
  std::array<u64, 8> line{};
  const auto read = [&](u32 take) {
    told_.take = take;
    told_.nr = 1;
    memory_.perform(machine_.cpu(1), {.kind = Kind::load_line, .size = 64, .data = line.data()}, word_, told_);
  };
  store(0, &word_[2], 1);
  store(0, &word_[5], 1);
  read(1);
  EXPECT_EQ(told_.nr, 3);
  EXPECT_EQ(line, (std::array<u64, 8>{0, 0, 1, 0, 0, 0, 0, 0}));
  EXPECT_TRUE(memory_.was_old());
  read(kOldest);
  EXPECT_EQ(told_.nr, 2) << "the third word was read: it does not go back";
  EXPECT_EQ(line[2], 1);
  read(0);
  EXPECT_EQ(line[5], 1);
  EXPECT_FALSE(memory_.was_old());
}

TEST_F(WeakWords, ManyWordsAreRememberedAtOnce) {
  u64* words = machine_.arena().make_span<u64>(3000).data();
  for (u32 i = 0; i < 3000; ++i) store(0, &words[i], i + 1);
  for (u32 i = 0; i < 3000; ++i) ASSERT_EQ(load(1, &words[i], kOldest), 0);
  for (u32 i = 0; i < 3000; ++i) ASSERT_EQ(load(1, &words[i], 0), i + 1);
}

}  // namespace
}  // namespace hvo::test
