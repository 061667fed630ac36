#include "bench/child.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace hvo::bench {

namespace {

/// All that is written into the pipe until its other end is closed.
std::string read_all(int fd) {
  std::string text;
  std::array<char, 1 << 16> some{};
  for (;;) {
    const ssize_t n = read(fd, some.data(), some.size());
    if (n > 0) text.append(some.data(), static_cast<std::size_t>(n));
    if (n == 0 || (n < 0 && errno != EINTR)) return text;
  }
}

double seconds_of(const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; }

/// Runs `program` (looked up in PATH when it has no '/') with these arguments, the first of which is its name.
std::expected<Timed, std::string> run(const char* program, std::vector<std::string> arguments) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return std::unexpected(std::string("got no pipe: ") + std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, program, &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error != 0) {
    close(ends[0]);
    return std::unexpected(std::string("did not start: ") + std::strerror(error));
  }
  Timed timed{.text = read_all(ends[0])};
  close(ends[0]);
  int status = 0;
  rusage used{};
  while (wait4(pid, &status, 0, &used) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status)) {
    return std::unexpected(std::string("was ended by a signal: ") + strsignal(WTERMSIG(status)));
  }
  timed.code = WEXITSTATUS(status);
  timed.cpu_seconds = seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
  return timed;
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
  std::vector<std::string> all{"hvo-bench"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  auto text = text_of(run("/proc/self/exe", std::move(all)));
  if (!text) return std::unexpected("a process of this program " + text.error());
  return text->substr(0, text->find('\n'));
}

}  // namespace hvo::bench
