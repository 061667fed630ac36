#include "program/child.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <utility>

#include "program/signals.h"

namespace hvo {

namespace {

double seconds_of(const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; }

/// A process that was started, and the end of its pipe that we read.
struct Started {
  pid_t pid = 0;
  int output = -1;
};

/// Starts `program` (looked up in PATH when it has no '/') with these arguments, the first of which is its name.
/// `errors_too`: its standard error goes where its standard output does, and it reads nothing.
std::expected<Started, std::string> start(const char* program, std::vector<std::string> arguments, bool errors_too) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return std::unexpected(std::string("got no pipe: ") + std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  if (errors_too) {
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  Started started{.output = ends[0]};
  const int error = posix_spawnp(&started.pid, program, &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error == 0) return started;
  close(ends[0]);
  return std::unexpected(std::string("did not start: ") + std::strerror(error));
}

/// There is something to read, or the end of it. Waits so long for that, and no longer than to the next signal.
bool has_something(int fd, int milliseconds) {
  pollfd poll_fd{.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&poll_fd, 1, milliseconds) > 0;
}

/// Its end, which is waited for.
int wait_for(pid_t pid, rusage& used) {
  int status = 0;
  while (wait4(pid, &status, 0, &used) < 0 && errno == EINTR) {
  }
  return status;
}

/// All that is written into the pipe until its other end is closed. `ends_with_us`: who writes is told to end when we
/// are interrupted.
std::string read_all(const Started& started, bool ends_with_us) {
  std::string text;
  std::array<char, 1 << 16> some{};
  for (;;) {
    if (ends_with_us && is_interrupted()) {
      kill(started.pid, SIGTERM);
      ends_with_us = false;
    }
    if (ends_with_us && !has_something(started.output, 1000)) continue;
    const ssize_t n = read(started.output, some.data(), some.size());
    if (n > 0) text.append(some.data(), static_cast<std::size_t>(n));
    if (n == 0 || (n < 0 && errno != EINTR)) return text;
  }
}

std::expected<Timed, std::string> run(const char* program, std::vector<std::string> arguments,
                                      bool ends_with_us = false) {
  const auto started = start(program, std::move(arguments), false);
  if (!started) return std::unexpected(started.error());
  Timed timed{.text = read_all(*started, ends_with_us)};
  close(started->output);
  rusage used{};
  const int status = wait_for(started->pid, used);
  if (!WIFEXITED(status)) {
    return std::unexpected(std::string("was ended by a signal: ") + strsignal(WTERMSIG(status)));
  }
  timed.code = WEXITSTATUS(status);
  timed.cpu_seconds = seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
  return timed;
}

/// Much text in little memory: its begin and its end.
class Transcript {
 public:
  void add(std::string_view some) {
    const std::size_t n = std::min(some.size(), kBegin - std::min(kBegin, begin_.size()));
    begin_ += some.substr(0, n);
    end_ += some.substr(n);
    if (end_.size() <= 2 * kEnd) return;
    end_.erase(0, end_.size() - kEnd);
    is_cut_ = true;
  }
  std::string text() const { return begin_ + (is_cut_ ? "\n[...]\n" : "") + end_; }

 private:
  static constexpr std::size_t kBegin = std::size_t{1} << 20;
  static constexpr std::size_t kEnd = std::size_t{1} << 18;
  std::string begin_, end_;
  bool is_cut_ = false;
};

using Clock = std::chrono::steady_clock;

/// Reads until the pipe is closed, the time is up, or we are interrupted. True: it was closed.
bool read_until(int fd, Clock::time_point end, Transcript& transcript) {
  std::array<char, 1 << 16> some{};
  while (!is_interrupted() && Clock::now() < end) {
    if (!has_something(fd, 50)) continue;
    const ssize_t n = read(fd, some.data(), some.size());
    if (n == 0 || (n < 0 && errno != EINTR)) return true;
    if (n > 0) transcript.add({some.data(), static_cast<std::size_t>(n)});
  }
  return false;
}

/// It may close its output, and stay. True: it is gone; it was waited for then.
bool is_gone_before(pid_t pid, Clock::time_point end, int& status) {
  for (;;) {
    const pid_t gone = waitpid(pid, &status, WNOHANG);
    if (gone == pid) return true;
    if (is_interrupted() || Clock::now() >= end) return false;
    usleep(1000);
  }
}

/// What it printed, if it ended well.
std::expected<std::string, std::string> text_of(std::expected<Timed, std::string> timed) {
  if (!timed) return std::unexpected(timed.error());
  if (timed->code != 0) return std::unexpected("ended with code " + std::to_string(timed->code));
  return std::move(timed->text);
}

}  // namespace

std::filesystem::path own_program() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error);
}

std::expected<std::string, std::string> run_program(const std::vector<std::string>& arguments) {
  return text_of(run(arguments[0].c_str(), arguments));
}

std::expected<Timed, std::string> run_timed(const std::vector<std::string>& arguments) {
  return run(arguments[0].c_str(), arguments);
}

std::expected<std::string, std::string> run_self(const std::vector<std::string>& arguments) {
  std::vector<std::string> all{own_program().filename().string()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  auto text = text_of(run("/proc/self/exe", std::move(all), true));
  if (!text) return std::unexpected("a process of this program " + text.error());
  return text->substr(0, text->find('\n'));
}

std::expected<Bounded, std::string> run_bounded(const std::vector<std::string>& arguments, double seconds) {
  const auto begin = Clock::now();
  const auto end = begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  const auto started = start(arguments[0].c_str(), arguments, true);
  if (!started) return std::unexpected(started.error());
  Transcript transcript;
  Bounded bounded;
  int status = 0;
  if (!read_until(started->output, end, transcript) || !is_gone_before(started->pid, end, status)) {
    bounded.is_interrupted = is_interrupted();
    bounded.is_late = !bounded.is_interrupted;
    kill(started->pid, SIGKILL);
    rusage ignored{};
    status = wait_for(started->pid, ignored);
  }
  close(started->output);
  bounded.text = transcript.text();
  if (WIFSIGNALED(status)) bounded.signal = WTERMSIG(status);
  if (WIFEXITED(status)) bounded.code = WEXITSTATUS(status);
  bounded.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return bounded;
}

}  // namespace hvo
