#include "bench/environment.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string_view>
#include <thread>

#include "bench/counts/perf_counters.h"

namespace hvo::bench {

namespace {

std::string sanitizer() { return HVO_BENCH_SANITIZER; }

#if defined(__OPTIMIZE__) && !defined(_GLIBCXX_ASSERTIONS)
constexpr std::string_view kBuildHandicap;
#else
constexpr std::string_view kBuildHandicap = "this build is not optimised, or has assertions on";
#endif

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line.empty() ? "unknown" : line;
}

/// The value of the first line "key : value" of a file of /proc.
std::string field(const char* path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key)) continue;
    const auto value = line.find_first_not_of(" \t:", key.size());
    if (value != std::string::npos) return line.substr(value);
  }
  return "unknown";
}

std::string compiler() {
#if defined(__clang__)
  return std::string("clang ") + __clang_version__;
#else
  return std::string("g++ ") + __VERSION__;
#endif
}

std::string kernel() {
  utsname name{};
  return uname(&name) == 0 ? std::string(name.release) + " " + name.machine : "unknown";
}

/// Whether two of what the host calls cores may share one.
std::string smt() {
  const std::string active = first_line("/sys/devices/system/cpu/smt/active");
  return active == "1" ? "on" : active == "0" ? "off" : active;
}

std::string counters() {
  if (PerfCounters::open()) return "available";
  return errno == EACCES || errno == EPERM ? "refused: see kernel.perf_event_paranoid" : "none";
}

/// As the C library knows them: that of the last may be the sum of a socket's.
std::string caches() {
  std::string text;
  for (const int name : {_SC_LEVEL1_DCACHE_SIZE, _SC_LEVEL2_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE}) {
    const long bytes = sysconf(name);
    text += (text.empty() ? "" : ", ") + (bytes > 0 ? fmt::format("{} KiB", bytes >> 10) : std::string("unknown"));
  }
  return text;
}

}  // namespace

Facts environment() {
  return {
      {"cpu", field("/proc/cpuinfo", "model name")},
      {"cores", std::to_string(std::thread::hardware_concurrency())},
      {"smt", smt()},
      {"caches", caches()},
      {"counters", counters()},
      {"governor", first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")},
      {"kernel", kernel()},
      {"load", first_line("/proc/loadavg")},
      {"compiler", compiler()},
      {"flags", HVO_BENCH_FLAGS},
      {"sanitizer", sanitizer().empty() ? "none" : sanitizer()},
  };
}

std::string why_times_mean_nothing() {
  if (!sanitizer().empty()) return "this build has a sanitizer (" + sanitizer() + ")";
  return std::string(kBuildHandicap);
}

}  // namespace hvo::bench
