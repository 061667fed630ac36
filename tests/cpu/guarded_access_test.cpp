#include "core/cpu/guarded_access.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>

namespace hvo {
namespace {

constexpr u64 kBytes = 4096;
constexpr std::array<u8, 4> kSizes{1, 2, 4, 8};
constexpr std::array kKinds{Kind::store,     Kind::exchange, Kind::cmpxchg,
                            Kind::fetch_add, Kind::fetch_or, Kind::fetch_and};

/// One page, mapped twice: to write and only to read.
struct GuardedAccess : testing::Test {
  void SetUp() override {
    if (!why_no_guarded_access().empty()) GTEST_SKIP() << why_no_guarded_access();
    install_fault_guard();
    const int fd = memfd_create("guarded", MFD_CLOEXEC);
    ASSERT_EQ(ftruncate(fd, kBytes), 0);
    writable = static_cast<std::byte*>(mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    read_only = static_cast<std::byte*>(mmap(nullptr, kBytes, PROT_READ, MAP_SHARED, fd, 0));
    ASSERT_NE(writable, MAP_FAILED);
    ASSERT_NE(read_only, MAP_FAILED);
    close(fd);
  }
  void TearDown() override {
    if (writable != nullptr) munmap(writable, kBytes);
    if (read_only != nullptr) munmap(read_only, kBytes);
  }
  /// Bytes of a word and of its neighbour, which nobody touches.
  u64 raw(u64 offset) const {
    u64 v = 0;
    std::memcpy(&v, writable + offset, sizeof(v));
    return v;
  }
  void set(u64 offset, u64 v) const { std::memcpy(writable + offset, &v, sizeof(v)); }

  std::byte* writable = nullptr;
  std::byte* read_only = nullptr;
};

struct Expected {
  u64 value = 0;   ///< what the access gives
  u64 stored = 0;  ///< what the word holds then
};
Expected expected_of(const Access& a, u64 old, u64 mask) {
  switch (a.kind) {
    case Kind::store: return {a.operand & mask, a.operand & mask};
    case Kind::exchange: return {old, a.operand & mask};
    case Kind::fetch_add: return {old, (old + a.operand) & mask};
    case Kind::fetch_or: return {old, (old | a.operand) & mask};
    case Kind::fetch_and: return {old, old & a.operand & mask};
    case Kind::cmpxchg: return {old, (old == (a.expected & mask) ? a.operand : old) & mask};
    default: break;
  }
  ADD_FAILURE() << "no guarded kind";
  return {};
}

TEST_F(GuardedAccess, EachKindAndSizeDoesWhatItIsForOnAWritablePage) {
  constexpr u64 kOld = 0xf1e2d3c4b5a69788;
  constexpr u64 kOperand = 0x1f3d5b799bbddff1;
  for (const Kind kind : kKinds) {
    for (const u8 size : kSizes) {
      for (const u64 compared : {kOld, ~kOld}) {
        const u64 mask = ~u64{0} >> (64 - 8 * size);
        const Access a{.kind = kind, .size = size, .operand = kOperand, .expected = compared};
        set(64, kOld);
        const auto value = perform_guarded(a, writable + 64);
        const Expected e = expected_of(a, kOld & mask, mask);
        ASSERT_TRUE(value) << "kind " << int{static_cast<u8>(kind)} << " size " << int{size};
        EXPECT_EQ(*value, e.value) << "kind " << int{static_cast<u8>(kind)} << " size " << int{size};
        EXPECT_EQ(raw(64), (kOld & ~mask) | e.stored) << "kind " << int{static_cast<u8>(kind)} << " size " << int{size};
      }
    }
  }
}

TEST_F(GuardedAccess, EachKindAndSizeTrapsOnAReadOnlyPageAndStoresNothing) {
  constexpr u64 kOld = 0x8877665544332211;
  set(128, kOld);
  for (const Kind kind : kKinds) {
    for (const u8 size : kSizes) {
      // A compare-exchange whose comparison fails, one that succeeds: both are write cycles.
      for (const u64 compared : {u64{0}, kOld}) {
        const Access a{.kind = kind, .size = size, .operand = 0x5a, .expected = compared};
        EXPECT_FALSE(perform_guarded(a, read_only + 128))
            << "kind " << int{static_cast<u8>(kind)} << " size " << int{size};
        EXPECT_EQ(raw(128), kOld);
      }
    }
  }
}

TEST_F(GuardedAccess, APageThatBecomesWritableIsStoredTo) {
  const Access a{.kind = Kind::fetch_add, .size = 4, .operand = 1};
  set(0, 7);
  EXPECT_FALSE(perform_guarded(a, read_only));
  ASSERT_EQ(mprotect(read_only, kBytes, PROT_READ | PROT_WRITE), 0);
  EXPECT_EQ(perform_guarded(a, read_only), 7U);
  EXPECT_EQ(raw(0), 8U);
}

TEST_F(GuardedAccess, AnyOtherFaultGoesToWhoeverHandledItBefore) {
  GTEST_FLAG_SET(death_test_style, "fast");
  const auto fault = [this] {
    std::signal(SIGSEGV, [](int) { _exit(42); });
    install_fault_guard();
    if (perform_guarded({.kind = Kind::store, .size = 8}, read_only)) _exit(1);
    *reinterpret_cast<volatile u64*>(read_only) = 1;
  };
  EXPECT_EXIT(fault(), testing::ExitedWithCode(42), "");
}

TEST_F(GuardedAccess, AGuardedStoreToWhatIsNotMappedIsNoTrap) {
  GTEST_FLAG_SET(death_test_style, "fast");
  const auto fault = [this] {
    std::signal(SIGSEGV, [](int) { _exit(42); });
    install_fault_guard();
    munmap(read_only, kBytes);
    (void)perform_guarded({.kind = Kind::store, .size = 8}, read_only);
  };
  EXPECT_EXIT(fault(), testing::ExitedWithCode(42), "");
}

}  // namespace
}  // namespace hvo
