// The file that says what runs right now.
#include "stress/explore/search/current_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "stress/explore/search/search.h"
#include "tests/stress/explore/little_subject.h"

namespace hvo::test {
namespace {

using namespace stress;  // all that is tested here
using testing::HasSubstr;

std::string contents(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(CurrentSchedule, NamesWhatEachWorkerRunsAndGoesWhenAllIsDone) {
  std::string path;
  {
    CurrentSchedule current("hvo-stress explore --seed 7", 2);
    path = current.path();
    ASSERT_TRUE(std::filesystem::exists(path));
    current.note(0, {StrategySpec::Kind::dfs, 2}, 0x1234);
    current.note(1, {StrategySpec::Kind::urw, 0}, 5);
    current.note(0, {StrategySpec::Kind::dfs, 2}, 0x1235);
    const std::string text = contents(path);
    EXPECT_THAT(text, HasSubstr("hvo-stress explore --seed 7"));
    EXPECT_THAT(text, HasSubstr("worker   0: --strategy dfs:2 --index 0x0000000000001235 "));
    EXPECT_THAT(text, HasSubstr("worker   1: --strategy urw --index 0x0000000000000005 "));
    EXPECT_EQ(text.find("1234"), std::string::npos);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(CurrentSchedule, OutlivesAProcessThatIsKilled) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    // The 20th schedule kills it.
    u32 nr = 0;
    const auto make = LittleSubject::maker({[&nr](LittleSubject& s, Cpu& cpu) {
                                              cpu.fetch_add(s.word(0), u64{1});
                                              if (++nr == 20 + 1) (void)raise(SIGKILL);  // the first is the baseline
                                            },
                                            [](LittleSubject& s, Cpu& cpu) { cpu.fetch_add(s.word(0), u64{1}); }});
    CurrentSchedule current("the command", 1);
    SearchOptions options{.strategy = {StrategySpec::Kind::random, 3}, .nr_schedules = 100};
    options.current = &current;
    (void)search(make, options);
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  const char* const folder = std::getenv("TMPDIR");
  const std::string path =
      std::string(folder != nullptr ? folder : "/tmp") + "/hvo-explore-" + std::to_string(child) + ".txt";
  EXPECT_THAT(contents(path), HasSubstr("worker   0: --strategy random:3 --index 0x0000000000000013"));
  EXPECT_THAT(contents(path), HasSubstr("the command"));
  EXPECT_TRUE(std::filesystem::remove(path));
}

}  // namespace
}  // namespace hvo::test
