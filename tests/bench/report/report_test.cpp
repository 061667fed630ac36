#include "bench/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "bench/report/explored.h"
#include "core/hvo/designs.h"

namespace hvo::bench {
namespace {

using testing::HasSubstr;

const std::string kStress =
    R"({"version": "0.1.0", "commit": "abc1234", "operations": 1234, "seconds": 5.0, "rounds": 3,
  "verdict": "pass", "config": {"scenario": "mixed", "design": "fake-head", "cpus": 2},
  "outcomes": [{"key": "lookup-right", "grade": "ACCEPTABLE", "count": 99, "why": ""},
               {"key": "never", "grade": "FORBIDDEN", "count": 0, "why": ""}],
  "known_holes": [{"rule": "read-only-store", "operation": "unfiltered pfn walk", "fixed_by": "bd225530a4c7",
                   "why": "", "count": 7}]})";
const std::string kExplored = R"({"scenario": "recycle+walker", "schedules": 903, "complete": true, "bound": 2,
  "schedules_left": 0.0, "verdict": "FOUND", "outcomes": [{"key": "known-hole", "grade": "KNOWN-HOLE", "count": 8}],
  "known_holes": [{"operation": "unfiltered pfn walk", "count": 8}],
  "witness": {"scenario": "recycle+walker", "outcomes": ["known-hole"], "known_holes": ["unfiltered pfn walk"]},
  "story": {"rows": [
    {"cpu": 0, "culprit": true, "text": "page[8].refcount 1→0"},
    {"cpu": 0, "culprit": false, "text": "5 steps … folded"
},
    {"cpu": 1, "culprit": true, "text": "walk: PMD[0], PTE page[8..15] = frame 3 ro, which is long"},
    {"cpu": 1, "culprit": true, "text": "cmpxchg page[8].refcount 1→2: TRAP"}]
}
})";
const std::string kNotExplored = R"({"scenario": "recycle+filtered", "schedules": 75, "complete": false, "bound": 1,
  "schedules_left": 25.0, "verdict": "VIOLATION", "outcomes": [{"key": "stuck", "grade": "FORBIDDEN", "count": 3}],
  "known_holes": [{"operation": "unfiltered pfn walk", "count": 0}]})";
const std::string kSavings = R"({"memory_bytes": 17179869184, "designs": [
  {"name": "fake-head", "struct_page_bytes_saved": 234881024, "resident_bytes_after": {"total": 41943040}}]})";

std::string file(const std::string& name, const std::string& content) {
  std::string path = testing::TempDir() + "/" + name;
  std::ofstream(path) << content;
  return path;
}

Recording recording() {
  Recording r;
  r.facts = {{"cpu", "Some Processor"}, {"cores", "2"}};
  for (u64 i = 0; i < 6; ++i) {
    Measured m;
    m.job.design = "fake-head";
    m.compiler = "g++ 12";
    for (const char* const flow : {"stream", "chain"}) {
      for (const char* const walk : {"hugepages/hot-head", "hugepages/hot-tail", "pages/hot-head"}) {
        const std::string c = "compound_head/" + std::string(walk) + "/" + flow;
        const double wobble = i % 2 == 0 ? 1.001 : 0.999;
        m.ns[cell_key(c, "none@2M")] = 2;
        m.ns[cell_key(c, "none-again@2M")] = 2 * wobble;
        m.ns[cell_key(c, "fake-head/off@2M")] = 2 * wobble;
        m.ns[cell_key(c, "fake-head/on@2M")] = 2.4 * wobble;
        m.ns[cell_key(c, "fake-head/all@4K")] = 2.8 * wobble;
      }
    }
    r.processes.push_back(m);
  }
  return r;
}

ReportSources sources() {
  return {.stress_path = file("stress.json", kStress),
          .explored_paths = {file("filtered.json", kNotExplored), file("walker.json", kExplored)},
          .compare_path = file("compare.json", to_json(recording())),
          .savings_path = file("savings.json", kSavings),
          .design = "fake-head",
          .against = {},
          .command = "./hvo report --design fake-head"};
}

TEST(Report, HasAllPartsInPlainAsciiOf72Columns) {
  const auto text = make_report(sources());
  ASSERT_TRUE(text) << text.error();
  for (const char* const part :
       {"abc1234", "1234 operations", "lookup-right", "met 7 times in the run", "in 8 of", "bd225530a4c7",
        "903 schedules of recycle+walker, all with up to 2 preemptions",
        "75 schedules of recycle+filtered, about 75.0 % of those with up", "FORBIDDEN stuck 3 times",
        "on, page-aligned head", "40.0 %", "14.000 GiB saved", "Some Processor", "./hvo report"}) {
    EXPECT_THAT(*text, HasSubstr(part));
  }
  EXPECT_THAT(*text, testing::Not(HasSubstr("never"))) << "what was not met is left out";
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 72U) << line;
    for (const char c : line) EXPECT_TRUE(c >= ' ' && c <= '~') << line;
  }
}

TEST(Report, NamesTheFileThatIsMissing) {
  ReportSources s = sources();
  s.savings_path = "/nonexistent/savings";
  const auto text = make_report(s);
  ASSERT_FALSE(text);
  EXPECT_THAT(text.error(), HasSubstr("/nonexistent/savings"));
}

TEST(Report, RefusesAFileOfSomethingElse) {
  ReportSources s = sources();
  s.stress_path = file("other.json", "{}");
  EXPECT_FALSE(make_report(s));
  s.stress_path = file("text.json", "no json");
  EXPECT_FALSE(make_report(s));
}

TEST(Report, TellsTheStepsThatMatterInAColumnPerCpu) {
  EXPECT_EQ(story_text(ExploredPair::parse(kExplored)),
            "    CPU 0: recycle                    CPU 1: walker\n"
            "    page[8].refcount 1->0\n"
            "                                      walk: PMD[0], PTE page[8..15] =\n"
            "                                        frame 3 ro, which is long\n"
            "                                      cmpxchg page[8].refcount 1->2:\n"
            "                                        TRAP\n");
  EXPECT_EQ(story_text(ExploredPair::parse(kNotExplored)), "");
}

TEST(Report, TellsAStoryOfWhatShrinkingHasLeft) {
  ExploredPair e = ExploredPair::parse(kExplored);
  e["witness"]["scenario"] = "walker";
  EXPECT_EQ(story_text(e).find("    CPU 0: walker\n"), 0U);
}

TEST(Report, TellsNoStoryOfSomethingElse) {
  ExploredPair e = ExploredPair::parse(kExplored);
  EXPECT_TRUE(tells_of(e, "unfiltered pfn walk"));
  EXPECT_FALSE(tells_of(e, "filtered pfn walk"));
  e["witness"]["outcomes"].push_back("violation");
  EXPECT_FALSE(tells_of(e, "unfiltered pfn walk")) << "what must not be is no hole's";
  EXPECT_FALSE(tells_of(ExploredPair::parse(kNotExplored), "unfiltered pfn walk"));
}

TEST(Report, AHoleOfAPassThatWasBrokenOffCounts) {
  ExploredPair e = ExploredPair::parse(kExplored);
  e["known_holes"][0]["count"] = 0;
  EXPECT_EQ(times_met(e, "unfiltered pfn walk"), 1U);
  EXPECT_EQ(times_met(e, "filtered pfn walk"), 0U);
}

TEST(Report, SaysSoWhereAHoleWasNotMet) {
  ReportSources s = sources();
  s.explored_paths.pop_back();
  EXPECT_THAT(make_report(s).value(), HasSubstr("met 7 times in the run, in none of"));
  s.explored_paths.clear();
  const std::string text = make_report(s).value();
  EXPECT_THAT(text, HasSubstr("met 7 times in the run; fix"));
  EXPECT_THAT(text, testing::Not(HasSubstr("schedules")));
}

TEST(Report, WrapsAtBlanks) {
  EXPECT_EQ(wrapped("  short", 4), "  short\n");
  const std::string text = wrapped("  " + std::string(40, 'a') + " " + std::string(40, 'b'), 4);
  EXPECT_EQ(text, "  " + std::string(40, 'a') + "\n    " + std::string(40, 'b') + "\n");
}

}  // namespace
}  // namespace hvo::bench
