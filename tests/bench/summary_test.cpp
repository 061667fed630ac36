#include "bench/summary.h"

#include <gtest/gtest.h>

namespace hvo::bench {
namespace {

RatioRow row(double value, std::optional<double> scaling) {
  return {.name = "checked, speed of 2 CPUs / 1",
          .what = "",
          .value = Spread{value, value, value, 5},
          .goal = 1.7,
          .at_most = false,
          .host_scaling = scaling};
}

std::string printed(const Summary& summary) {
  std::FILE* file = std::tmpfile();
  print_summary(file, summary, {});
  std::string text(static_cast<std::size_t>(std::ftell(file)), '\0');
  EXPECT_EQ(std::fseek(file, 0, SEEK_SET), 0);
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

TEST(Summary, GoalOfTwoCpusIsNotJudgedOnABusyHost) {
  EXPECT_FALSE(row(1.2, 1.3).is_judged());
  EXPECT_FALSE(row(1.9, 1.3).is_met());
  EXPECT_TRUE(row(1.2, 1.95).is_judged());
  EXPECT_FALSE(row(1.2, 1.95).is_met());
  EXPECT_TRUE(row(1.9, 1.95).is_met());
  const std::string text = printed({.nr_rounds = 5, .lookups = {}, .rows = {row(1.2, 1.31)}});
  EXPECT_NE(text.find("1.31 times the work of one"), std::string::npos) << text;
  EXPECT_EQ(text.find("missed"), std::string::npos) << text;
}

TEST(Summary, MissedGoalsAreCounted) {
  const std::string text = printed({.nr_rounds = 5, .lookups = {}, .rows = {row(1.2, 1.99), row(1.9, 1.99)}});
  EXPECT_NE(text.find("1 goals are missed"), std::string::npos) << text;
}

TEST(Summary, OneThatIsTooShortShowsGoalsAndJudgesNone) {
  const std::string text =
      printed({.nr_rounds = 3, .judges = false, .lookups = {}, .rows = {row(1.2, 1.99), row(1.9, 1.2)}});
  EXPECT_NE(text.find(">= 1.7"), std::string::npos) << text;
  EXPECT_NE(text.find("too short to judge"), std::string::npos) << text;
  for (const char* judged : {"met", "missed", "*"}) EXPECT_EQ(text.find(judged), std::string::npos) << text;
}

TEST(Summary, FitsAMail) {
  const std::string text = printed({.nr_rounds = 5, .lookups = {}, .rows = {row(123.45, 1.31), row(0.12, {})}});
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    EXPECT_LE(end - at, 72U) << text.substr(at, end - at);
    at = end + 1;
  }
}

}  // namespace
}  // namespace hvo::bench
