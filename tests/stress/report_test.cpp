#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "stress/report/costs.h"
#include "stress/report/machine_readable.h"
#include "stress/report/text.h"
#include "stress/verdict.h"
#include "tests/stress/sample_run.h"

namespace hvo::stress {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// Everything that can be in a report, at once.
RunResult rich_result(const RunOptions& o) {
  RunResult r = sample_result(o);
  for (unsigned i = 0; i < kNrKeys; ++i) r.outcomes.count[i] = 1'000'000'000'000;
  for (unsigned i = 0; i < kNrEvents; ++i) r.events.v[i] = 1'000'000'000'000;
  Outcomes bad;
  bad.keep({.rule = Rule::wrong_head,
            .op = Op::hugetlb_vmemmap_optimize_folio,
            .cpu = 63,
            .object = ~u64{0},
            .expected = ~u64{0},
            .seen = ~u64{0},
            .what = "something long enough to need a second line when it is put into the report of a run"});
  bad.add(Key::violation);
  r.add(bad, 1);
  r.nr_rounds_apart = 1;
  return r;
}

TEST(ReportText, FitsSeventyTwoColumnsOfPlainAsciiAndCutsNoSentence) {
  const RunOptions o = sample_options("mixed");
  const std::string text = report_text(o, rich_result(o), false);
  for (const std::string& line : lines_of(text)) {
    if (line.find("--rounds 1") != std::string::npos) continue;  // a command to paste
    EXPECT_LE(line.size(), 72U) << line;
    EXPECT_EQ(std::ranges::count_if(line, [](char c) { return c < 0x20 || c > 0x7e; }), 0) << line;
  }
  std::string words = text;
  std::ranges::replace(words, '\n', ' ');
  words.erase(std::ranges::unique(words, [](char a, char b) { return a == ' ' && b == ' '; }).begin(), words.end());
  for (const Outcome& outcome : kOutcomes) EXPECT_THAT(words, HasSubstr(std::string(outcome.why)));
  for (const std::string_view event : kEventTexts) EXPECT_THAT(words, HasSubstr(std::string(event)));
}

TEST(ReportText, ExplainsAViolationAndSaysHowToRepeatItsRound) {
  const RunOptions o = sample_options("mixed");
  const std::string text = report_text(o, rich_result(o), false);
  EXPECT_THAT(text, HasSubstr("round 2 (seed 8): wrong-head\n    in hugetlb_vmemmap_optimize_folio on CPU 63\n"));
  EXPECT_THAT(text, HasSubstr("A lookup gave an answer that was at no moment true."));
  EXPECT_THAT(text, HasSubstr("expected 0xffffffffffffffff"));
  EXPECT_THAT(text, HasSubstr("--rounds 1 --seed 8"));
  EXPECT_THAT(text, HasSubstr("in 1 of 3 rounds the CPUs did not start together"));
}

TEST(ReportText, HasColourOnlyWhenAskedFor) {
  const RunOptions o = sample_options();
  EXPECT_THAT(report_text(o, sample_result(o), false), Not(HasSubstr("\033")));
  EXPECT_THAT(report_text(o, sample_result(o), true), HasSubstr("\033[32m"));
}

TEST(Wrapped, KeepsEveryWordAndTheWidth) {
  EXPECT_EQ(wrapped("aa bb cc", 2, 7), "  aa bb\n  cc\n");
  EXPECT_EQ(wrapped("averylongword b", 1, 6), " averylongword\n b\n");
}

TEST(RatioOf, SetsACostAgainstWhatCausesIt) {
  RunResult r;
  r.events[Event::folio_optimized] = 3;
  r.events[Event::folio_restored] = 1;
  r.events[Event::tlb_flush] = 8;
  r.events[Event::ipi_sent] = 24;
  EXPECT_EQ(ratio_of(r, Event::tlb_flush)->value, 2);
  EXPECT_EQ(ratio_of(r, Event::ipi_sent)->value, 3);
  EXPECT_FALSE(ratio_of(r, Event::pte_page_alloc)) << "no split, no ratio";
  EXPECT_FALSE(ratio_of(r, Event::huge_alloc)) << "stands for itself";
}

TEST(Ktap, KeepsItsPlanAndIsOkExactlyWhenTheVerdictIsPass) {
  const RunOptions o = sample_options();
  RunResult missed = sample_result(o);
  missed.events = {};
  RunResult apart = sample_result(o);
  apart.nr_rounds_apart = apart.nr_rounds;
  RunResult hung = sample_result(o);
  hung.is_hung = true;
  for (const RunResult& r : {sample_result(o), rich_result(o), missed, apart, hung}) {
    const std::vector<std::string> lines = lines_of(ktap_text(o, r));
    EXPECT_EQ(lines[0], "KTAP version 1");
    EXPECT_EQ(lines[1], "1..1");
    const bool passed = verdict_of(o, r) == Verdict::pass;
    EXPECT_TRUE(lines.back().starts_with(passed ? "ok 1 " : "not ok 1 ")) << lines.back();
    std::size_t planned = 0;
    std::size_t nr_cases = 0;
    std::size_t nr_failed = 0;
    for (const std::string& line : lines) {
      if (line.starts_with("  1..")) planned = std::stoul(line.substr(5));
      nr_cases += line.starts_with("  ok ") || line.starts_with("  not ok ") ? 1 : 0;
      nr_failed += line.starts_with("  not ok ") ? 1 : 0;
    }
    EXPECT_EQ(planned, nr_cases);
    EXPECT_EQ(nr_failed == 0, passed);
  }
}

TEST(Ktap, SkipsWindowsThatTheDesignCannotOpen) {
  const RunOptions o = sample_options("split_contention", "none");
  RunResult r = sample_result(o);
  r.events = {};
  EXPECT_THAT(ktap_text(o, r), HasSubstr("window pmd_split is hit # SKIP this design and machine can't open it"));
}

TEST(Junit, EscapesWhatAUserCanPutIntoIt) {
  RunOptions o = sample_options();
  o.command = "<&\"'>\x01\xff\n";
  const std::string xml = junit_text(o, sample_result(o));
  EXPECT_THAT(xml, HasSubstr("&lt;&amp;&quot;'"));
  for (const char c : xml) EXPECT_TRUE(c == '\n' || (c >= 0x20 && c < 0x7f));
}

TEST(Junit, CountsItsCases) {
  const RunOptions o = sample_options();
  RunResult r = sample_result(o);
  r.outcomes.add(Key::wrong);
  const std::string xml = junit_text(o, r);
  std::size_t nr = 0;
  for (std::size_t at = xml.find("<testcase"); at != std::string::npos; at = xml.find("<testcase", at + 1)) ++nr;
  EXPECT_THAT(xml, HasSubstr("tests=\"" + std::to_string(nr) + "\" failures=\"1\" errors=\"0\" skipped=\"0\""));
}

TEST(Json, HoldsAllThatARerunAndAComparisonNeed) {
  RunOptions o = sample_options("mixed");
  o.command = "a\xff";  // not UTF-8: must not stop the result from being written
  const auto json = nlohmann::json::parse(json_text(o, rich_result(o)));
  for (const char* key : {"command", "commit", "config", "environment", "seed", "outcomes", "windows", "counters",
                          "rounds", "violations", "actors", "frames_saved", "verdict", "exit_code"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_EQ(json["seed"], 7);
  EXPECT_EQ(json["exit_code"], 1);
  EXPECT_EQ(json["first_bad_round"]["seed"], 8);
  EXPECT_EQ(json["violations"][0]["rule"], "wrong-head");
  EXPECT_EQ(json["violations"][0]["seen"], ~u64{0});
  EXPECT_EQ(json["counters"].size(), kNrEvents);
  EXPECT_EQ(json["outcomes"].size(), kNrKeys);
}

TEST(Json, ListNamesEveryScenarioAndDesign) {
  const auto json = nlohmann::json::parse(list_json());
  EXPECT_EQ(json["scenarios"].size(), scenarios().size());
  EXPECT_EQ(json["designs"].size(), kDesigns.size());
}

}  // namespace
}  // namespace hvo::stress
