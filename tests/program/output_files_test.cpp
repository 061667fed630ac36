#include "program/output_files.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace hvo {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class OutputFilesTest : public testing::Test {
 protected:
  OutputFilesTest() {
    std::string name = testing::TempDir() + "output_files.XXXXXX";
    dir_ = mkdtemp(name.data());
  }
  ~OutputFilesTest() override { fs::remove_all(dir_); }

  std::string path(const std::string& name) const { return dir_ / name; }
  static std::string contents(const std::string& name) {
    std::ifstream file(name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static std::function<std::string()> text(const std::string& s) {
    return [s] { return s; };
  }
  std::size_t nr_entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(dir_), fs::directory_iterator{}));
  }

  fs::path dir_;
};

TEST_F(OutputFilesTest, AreThereWholeOrNotAtAll) {
  {
    OutputFiles files;
    ASSERT_TRUE(files.open(path("a"), text("A")));
    EXPECT_FALSE(fs::exists(path("a")));
    EXPECT_THAT(files.write_all(), IsEmpty());
  }
  EXPECT_EQ(contents(path("a")), "A");
  {
    OutputFiles files;
    ASSERT_TRUE(files.open(path("never"), text("B")));
  }
  EXPECT_EQ(nr_entries(), 1U);
}

TEST_F(OutputFilesTest, AnOldFileStaysAsItIsUntilTheNewOneIsWhole) {
  std::ofstream(path("a")) << "old";
  ASSERT_EQ(chmod(path("a").c_str(), 0600), 0);
  {
    OutputFiles files;
    ASSERT_TRUE(files.open(path("a"), text("new")));
  }
  EXPECT_EQ(contents(path("a")), "old");
  OutputFiles files;
  ASSERT_TRUE(files.open(path("a"), text("new")));
  EXPECT_THAT(files.write_all(), IsEmpty());
  EXPECT_EQ(contents(path("a")), "new");
  struct stat s{};
  ASSERT_EQ(stat(path("a").c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777, 0600U) << "permissions are the old file's";
}

TEST_F(OutputFilesTest, ASymbolicLinkKeepsPointing) {
  std::ofstream(path("target")) << "old";
  fs::create_symlink("target", path("link"));
  OutputFiles files;
  ASSERT_TRUE(files.open(path("link"), text("new")));
  EXPECT_THAT(files.write_all(), IsEmpty());
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(contents(path("target")), "new");
}

TEST_F(OutputFilesTest, ALinkToNothingYetKeepsPointing) {
  fs::create_directory(path("folder"));
  fs::create_symlink("folder/second", path("first"));
  fs::create_symlink("later", path("folder/second"));
  OutputFiles files;
  ASSERT_TRUE(files.open(path("first"), text("new")));
  EXPECT_THAT(files.write_all(), IsEmpty());
  EXPECT_TRUE(fs::is_symlink(path("first")) && fs::is_symlink(path("folder/second")));
  EXPECT_EQ(contents(path("folder/later")), "new");
}

TEST_F(OutputFilesTest, APipeIsWrittenInPlace) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  std::fstream reader(path("pipe"), std::ios::in | std::ios::out);  // so that opening for writing does not wait
  OutputFiles files;
  ASSERT_TRUE(files.open(path("pipe"), text("line\n")));
  EXPECT_THAT(files.write_all(), IsEmpty());
  std::string line;
  std::getline(reader, line);
  EXPECT_EQ(line, "line");
  EXPECT_TRUE(fs::is_fifo(path("pipe")));
  EXPECT_EQ(nr_entries(), 1U);
}

TEST_F(OutputFilesTest, RefusesTwoResultsInOneFileHoweverItIsNamed) {
  fs::create_symlink("a", path("link"));
  std::ofstream(path("a")) << "old";
  for (const char* other : {"a", "./a", "link", "a.tmp"}) {
    OutputFiles files;
    ASSERT_TRUE(files.open(path("a"), text("A")));
    const auto refused = files.open(path(other), text("B"));
    ASSERT_FALSE(refused) << other;
    EXPECT_TRUE(refused.error().is_usage) << other;
  }
  EXPECT_EQ(nr_entries(), 2U);
}

TEST_F(OutputFilesTest, RefusesBeforeTheRunWhatCannotBeWritten) {
  OutputFiles files;
  ASSERT_TRUE(files.open(path("fine"), text("A")));
  for (const std::string& bad : {path("no/such/folder"), dir_.string()}) {
    const auto refused = files.open(bad, text("B"));
    ASSERT_FALSE(refused) << bad;
    EXPECT_FALSE(refused.error().is_usage);
    EXPECT_THAT(refused.error().why, HasSubstr("can't write " + bad));
  }
}

TEST_F(OutputFilesTest, OneThatFailsDoesNotLoseTheOthers) {
  if (!fs::is_character_file("/dev/full")) GTEST_SKIP() << "no /dev/full";
  OutputFiles files;
  ASSERT_TRUE(files.open(path("a"), text("A")));
  ASSERT_TRUE(files.open("/dev/full", text("B")));
  ASSERT_TRUE(files.open(path("c"), text("C")));
  EXPECT_THAT(files.write_all(), ElementsAre(HasSubstr("can't write /dev/full")));
  EXPECT_EQ(contents(path("a")) + contents(path("c")), "AC");
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
}

}  // namespace
}  // namespace hvo
