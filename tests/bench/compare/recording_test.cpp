#include "bench/compare/recording.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace hvo::bench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kCase = "compound_head/hugepages/hot-head/stream";

Measured process(u64 seed, double none, double again, double arm) {
  Measured m;
  m.job = {.design = "fake-head", .placement = "kernels-16-1", .seed = seed, .extent = Extent::quick};
  m.compiler = "g++ 12";
  m.key = "patched code";
  m.ns = {{cell_key(kCase, "none@2M"), none},
          {cell_key(kCase, "none-again@2M"), again},
          {cell_key(kCase, "fake-head/all@4K"), arm}};
  return m;
}

Recording recording() {
  Recording r;
  r.facts = {{"cpu", "a \"quoted\" one"}};
  r.extent = Extent::quick;
  r.seed = 7;
  for (u64 i = 0; i < 8; ++i) {
    const double wobble = i % 2 == 0 ? 1.002 : 0.998;
    r.processes.push_back(process(i, 2.0, 2.0 * wobble, 3.0 / wobble));
  }
  return r;
}

TEST(Recording, SurvivesItsFile) {
  const Recording r = recording();
  const std::string path = testing::TempDir() + "/recording.json";
  std::ofstream(path) << to_json(r);
  const auto read = read_recording(path);
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(to_json(*read), to_json(r));
}

TEST(Recording, SurvivesALineOfAWorker) {
  const auto read = from_line(to_line(process(3, 1.5, 1.25, 2.5)));
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->job.seed, 3U);
  EXPECT_EQ(read->ns.at(cell_key(kCase, "none@2M")), 1.5);
}

TEST(Recording, RefusesOtherFilesByName) {
  const std::string path = testing::TempDir() + "/other.json";
  std::ofstream(path) << "{\"format\": 1}";
  const auto read = read_recording(path);
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error(), HasSubstr(path));
  EXPECT_FALSE(read_recording("/nonexistent"));
  EXPECT_FALSE(from_line("nonsense"));
}

TEST(Recording, PairsCellsByProcess) {
  Recording r;
  r.processes = {process(1, 2, 2, 3), process(2, 4, 4, 4)};
  EXPECT_THAT(r.ratios(kCase, "fake-head/all@4K", kNone2M), ElementsAre(1.5, 1.0));
  EXPECT_THAT(r.cells(kCase), ElementsAre("none-again@2M", "none@2M", "fake-head/all@4K"));
}

TEST(Recording, JudgesACellByTheNoiseOfItsBaseline) {
  const auto c = compare(recording(), kCase, "fake-head/all@4K", kNone2M);
  ASSERT_TRUE(c);
  EXPECT_NEAR(c->ratio.ratio, 1.5, 0.01);
  EXPECT_EQ(c->judgement.verdict, Verdict::dearer);
  EXPECT_LT(c->judgement.noise, 0.01);
}

TEST(Recording, SaysNothingOfTooFewProcesses) {
  Recording r = recording();
  r.processes.resize(kFewestProcesses - 1);
  EXPECT_FALSE(compare(r, kCase, "fake-head/all@4K", kNone2M));
  EXPECT_FALSE(compare(recording(), kCase, "no-such-cell@4K", kNone2M));
}

}  // namespace
}  // namespace hvo::bench
