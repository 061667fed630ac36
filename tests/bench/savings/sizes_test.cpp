#include "bench/savings/sizes.h"

#include <gtest/gtest.h>

namespace hvo::bench::savings {
namespace {

TEST(Sizes, AreReadInPowersOf1024) {
  EXPECT_EQ(parse_size("64GiB"), u64{64} << 30);
  EXPECT_EQ(parse_size("1TiB"), u64{1} << 40);
  EXPECT_EQ(parse_size("1tib"), u64{1} << 40);
  EXPECT_EQ(parse_size("512 MiB"), u64{512} << 20);
  EXPECT_EQ(parse_size("2M"), u64{2} << 20);
  EXPECT_EQ(parse_size("1g"), u64{1} << 30);
  EXPECT_EQ(parse_size("3K"), u64{3} << 10);
  EXPECT_EQ(parse_size("4096"), 4096U);
  EXPECT_EQ(parse_size("16383PiB"), u64{16383} << 50);
}

TEST(Sizes, OfNothingOrOfSomethingElseAreRefused) {
  for (const char* text : {"", "0", "0GiB", "GiB", "-1G", "1.5T", "1GB", "1TB", "1X", "1Gi", "1GiBs", "1  G", " 1G",
                           "0x10", "16384PiB", "99999999999999999999"}) {
    EXPECT_FALSE(parse_size(text).has_value()) << text;
  }
}

TEST(Sizes, AreWrittenInTheLargestUnitThatDivides) {
  EXPECT_EQ(size_text(u64{1} << 40), "1 TiB");
  EXPECT_EQ(size_text(u64{3} << 30), "3 GiB");
  EXPECT_EQ(size_text(u64{1536} << 20), "1536 MiB");
  EXPECT_EQ(size_text(0), "0 B");
  EXPECT_EQ(size_text(4096), "4 KiB");
  EXPECT_EQ(size_text((u64{2} << 30) + 1), "2.000 GiB");
  EXPECT_EQ(short_size_text(u64{2} << 20), "2M");
  EXPECT_EQ(short_size_text(u64{1} << 40), "1T");
  EXPECT_EQ(gib_text(u64{1536} << 20), "1.500");
}

TEST(Sizes, ThatAreWrittenShortAreReadBack) {
  for (const u64 bytes : {u64{1}, u64{4096}, u64{6} << 20, u64{1} << 40, u64{1023} << 40}) {
    EXPECT_EQ(parse_size(short_size_text(bytes)), bytes);
  }
}

}  // namespace
}  // namespace hvo::bench::savings
