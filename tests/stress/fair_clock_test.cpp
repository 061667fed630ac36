#include "stress/parallel/fair_clock.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

namespace hvo::stress {
namespace {

TEST(FairClock, ReadsTheTimeThatAThreadWaitedForACore) {
  EXPECT_EQ(run_delay_of("123 4567 8"), 4567U);
  EXPECT_EQ(run_delay_of(""), 0U);
  EXPECT_EQ(run_delay_of("nonsense"), 0U);
}

TEST(FairClock, NeverRunsFasterThanTimeNorBackwards) {
  const auto begin = std::chrono::steady_clock::now();
  FairClock clock;
  double last = 0;
  for (int i = 0; i < 6; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    const double now = clock.now();
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
    EXPECT_GE(now, last);
    EXPECT_LE(now, passed.count());
    last = now;
  }
  EXPECT_GT(last, 0);
}

/// Spins for so long of its time on a CPU.
void spin(double seconds) {
  timespec start{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
  for (timespec now = start;
       static_cast<double>(now.tv_sec - start.tv_sec) + static_cast<double>(now.tv_nsec - start.tv_nsec) / 1e9 <
       seconds;) {
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  }
}

TEST(FairClock, LeavesOutTheTimeInWhichAThreadHadNoCore) {
  if (access("/proc/self/schedstat", R_OK) != 0) GTEST_SKIP() << "this host keeps no schedstat";
  // Two threads on one core: each waits about as long as it runs.
  cpu_set_t before;
  CPU_ZERO(&before);
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  FairClock clock;
  const auto begin = std::chrono::steady_clock::now();
  {
    // Both inherit the one core.
    std::jthread other([] { spin(0.3); });
    std::jthread third([] { spin(0.3); });
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
    const double fair = clock.now();
    EXPECT_LT(fair, passed.count() * 0.9);
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
}

TEST(FairClock, LeavesOutThatTheProcessWasStopped) {
  const pid_t child = fork();
  if (child == 0) {
    FairClock clock;
    (void)raise(SIGSTOP);
    _exit(clock.now() < 1 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, WUNTRACED), child);
  ASSERT_TRUE(WIFSTOPPED(status));
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  ASSERT_EQ(kill(child, SIGCONT), 0);
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace hvo::stress
