#include "program/child.h"

#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "program/temporary_folder.h"

namespace hvo {
namespace {

using testing::HasSubstr;

std::expected<Bounded, std::string> shell(const std::string& script, double seconds = 60) {
  return run_bounded({"/bin/sh", "-c", script}, seconds);
}

TEST(Child, BothItsStreamsAndItsCodeAreTold) {
  const auto ended = shell("echo out; echo err >&2; exit 6");
  ASSERT_TRUE(ended);
  EXPECT_THAT(ended->text, HasSubstr("out\n"));
  EXPECT_THAT(ended->text, HasSubstr("err\n"));
  EXPECT_EQ(ended->code, 6);
  EXPECT_EQ(ended->signal, 0);
  EXPECT_FALSE(ended->is_late);
}

TEST(Child, TheSignalThatEndsItIsTold) {
  const auto ended = shell("kill -SEGV $$");
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->signal, SIGSEGV);
  EXPECT_FALSE(ended->is_late);
}

TEST(Child, OneThatDoesNotEndIsKilled) {
  const auto ended = shell("echo begun; exec sleep 600", 0.2);
  ASSERT_TRUE(ended);
  EXPECT_TRUE(ended->is_late);
  EXPECT_EQ(ended->signal, SIGKILL);
  EXPECT_EQ(ended->text, "begun\n");
}

TEST(Child, OneThatClosesItsOutputIsStillKilled) {
  const auto ended = shell("exec >&- 2>&-; exec sleep 600", 0.2);
  ASSERT_TRUE(ended);
  EXPECT_TRUE(ended->is_late);
}

TEST(Child, OfMuchOutputTheBeginAndTheEndAreKept) {
  const auto ended = shell("echo first; yes | head -c 8000000; echo last");
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->text.find("first\n"), 0U);
  EXPECT_EQ(ended->text.rfind("last\n"), ended->text.size() - 5);
  EXPECT_LT(ended->text.size(), 4'000'000U);
}

TEST(Child, AProgramThatIsNotThereDoesNotStart) {
  const auto ended = run_bounded({"/no/such/program"}, 1);
  ASSERT_FALSE(ended);
  EXPECT_THAT(ended.error(), HasSubstr("did not start"));
}

TEST(TemporaryFolder, IsGoneWithWhatIsInIt) {
  std::string path;
  {
    const auto folder = TemporaryFolder::make("child_test");
    ASSERT_TRUE(folder);
    path = folder->file("a");
    std::ofstream(path) << "text";
    EXPECT_EQ(text_of_file(path), "text");
  }
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::path(path).parent_path()));
  EXPECT_EQ(text_of_file(path), "");
}

}  // namespace
}  // namespace hvo
