#include "stress/verdict.h"

#include <gmock/gmock.h>

#include "tests/stress/sample_run.h"

namespace hvo::stress {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Verdict, PassesWhenEveryWindowWasHitAndNothingWasForbidden) {
  const RunOptions o = sample_options();
  const RunResult r = sample_result(o);
  EXPECT_EQ(verdict_of(o, r), Verdict::pass);
  EXPECT_EQ(exit_code(verdict_of(o, r)), 0);
  EXPECT_THAT(verdict_line(o, r), StartsWith("PASS"));
}

TEST(Verdict, IsVacuousWhenAWindowWasMissed) {
  const RunOptions o = sample_options();
  RunResult r = sample_result(o);
  r.events[o.scenario->windows[0].event] = 0;
  EXPECT_EQ(exit_code(verdict_of(o, r)), 7);
  EXPECT_THAT(verdict_line(o, r), HasSubstr("1 of"));
}

TEST(Verdict, IsVacuousWhenTheDesignCanOpenNoneOfTheWindows) {
  const RunOptions o = sample_options("split_contention", "none");
  RunResult r = sample_result(o);
  r.events = {};
  EXPECT_EQ(nr_windows(o, r, WindowState::missed), 0U);
  EXPECT_EQ(nr_windows(o, r, WindowState::not_asked), o.scenario->windows.size());
  EXPECT_EQ(verdict_of(o, r), Verdict::vacuous);
  EXPECT_THAT(verdict_line(o, r), HasSubstr("split_contention tests nothing that none does"));
}

TEST(Verdict, WithTheHostsMmuWhatIsAboutSimulatedTlbsIsNeitherHitNorMissed) {
  RunOptions o = sample_options();
  RunResult r = sample_result(o);
  const u64 hit = nr_windows(o, r, WindowState::hit);
  o.machine.mmu = Mmu::host;
  for (const u64 n : {u64{1}, u64{0}}) {
    r.events[Event::window_flush_served_mid_lookup] = n;
    EXPECT_EQ(nr_windows(o, r, WindowState::hit), hit - 1);
    EXPECT_EQ(nr_windows(o, r, WindowState::not_asked), 1U);
    EXPECT_EQ(verdict_of(o, r), Verdict::pass);
  }
}

TEST(Verdict, IsVacuousWhenTheCpusNeverStartedTogether) {
  const RunOptions o = sample_options();
  RunResult r = sample_result(o);
  r.nr_rounds_apart = r.nr_rounds - 1;
  EXPECT_EQ(verdict_of(o, r), Verdict::pass);
  r.nr_rounds_apart = r.nr_rounds;
  EXPECT_EQ(verdict_of(o, r), Verdict::vacuous);
  EXPECT_THAT(verdict_line(o, r), HasSubstr("start together"));
}

TEST(Verdict, AForbiddenOutcomeOutranksAMissedWindowAndAHangOutranksBoth) {
  const RunOptions o = sample_options();
  RunResult r = sample_result(o);
  r.events = {};
  r.outcomes.add(Key::wrong);
  EXPECT_EQ(exit_code(verdict_of(o, r)), 1);
  r.is_hung = true;
  EXPECT_EQ(exit_code(verdict_of(o, r)), 6);
}

TEST(Verdict, SaysThatARunWasInterrupted) {
  const RunOptions o = sample_options();
  RunResult r = sample_result(o);
  r.is_interrupted = true;
  EXPECT_THAT(verdict_line(o, r), HasSubstr("interrupted"));
}

}  // namespace
}  // namespace hvo::stress
