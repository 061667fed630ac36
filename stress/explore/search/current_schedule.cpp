#include "stress/explore/search/current_schedule.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "program/signals.h"

namespace hvo::stress {

namespace {

constexpr std::size_t kLine = 80;
constexpr u32 kDigits = 16;

// What a crash prints: set once there is a file.
std::atomic<const char*> text_at_crash{nullptr};
std::atomic<std::size_t> size_at_crash{0};

void explain() {
  const char* const text = text_at_crash.load(std::memory_order::relaxed);
  if (text == nullptr) return;
  say_at_crash("\n");
  say_at_crash({text, size_at_crash.load(std::memory_order::relaxed)});
}

std::string path_of_file() {
  const char* const folder = std::getenv("TMPDIR");
  return fmt::format("{}/hvo-explore-{}.txt", folder != nullptr && *folder != '\0' ? folder : "/tmp", getpid());
}

}  // namespace

CurrentSchedule::CurrentSchedule(const std::string& command, u32 nr_workers) {
  install_crash_handlers("hvo-stress", explain);
  const std::string head = fmt::format(
      "in the middle of: {}\nOne of these alone: the same with --strategy, --index as below, --schedules 1 --workers "
      "1;\n"
      "of dfs: the same again, up to there.\n",
      command);
  first_line_ = head.size();
  lines_.resize(std::min(nr_workers, kMostWorkers));
  size_ = head.size() + lines_.size() * kLine;
  path_ = path_of_file();
  const int fd = open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, static_cast<off_t>(size_)) != 0) {
    if (fd >= 0) close(fd);
    path_.clear();
    return;
  }
  void* const p = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (p == MAP_FAILED) return;
  text_ = static_cast<char*>(p);
  std::fill_n(text_, size_, ' ');
  std::ranges::copy(head, text_);
  for (std::size_t at = first_line_ + kLine - 1; at < size_; at += kLine) text_[at] = '\n';
  size_at_crash.store(size_, std::memory_order::relaxed);
  text_at_crash.store(text_, std::memory_order::relaxed);
}

CurrentSchedule::~CurrentSchedule() {
  text_at_crash.store(nullptr, std::memory_order::relaxed);
  if (text_ != nullptr) munmap(text_, size_);
  if (!path_.empty()) unlink(path_.c_str());
}

void CurrentSchedule::note(u32 worker, const StrategySpec& strategy, u64 index) {
  if (text_ == nullptr || worker >= lines_.size()) return;
  char* const to = text_ + first_line_ + worker * kLine;
  Line& line = lines_[worker];
  if (line.digits == nullptr || !(line.strategy == strategy)) {
    const std::string text = fmt::format("worker {:>3}: --strategy {} --index 0x", worker, strategy_text(strategy));
    std::fill(to, to + kLine - 1, ' ');
    std::ranges::copy(text, to);
    line = {strategy, to + text.size()};
  }
  for (u32 i = 0; i < kDigits; ++i) line.digits[i] = "0123456789abcdef"[index >> (4 * (kDigits - 1 - i)) & 0xfU];
}

}  // namespace hvo::stress
