#include "bench/host_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

namespace hvo::bench {

namespace {

/// The value of "Name:   123 kB" in a file of /proc, in bytes.
std::optional<u64> kib_field(const char* path, std::string_view name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name)) return std::stoull(line.substr(name.size())) << 10;
  }
  return std::nullopt;
}

/// A whole number and nothing else; nothing for the word "max".
std::optional<u64> number_in(const char* path) {
  std::ifstream file(path);
  u64 n = 0;
  if (file >> n) return n;
  return std::nullopt;
}

}  // namespace

std::optional<u64> host_memory_available() {
  std::optional<u64> available = kib_field("/proc/meminfo", "MemAvailable:");
  const auto limit = number_in("/sys/fs/cgroup/memory.max");
  if (!limit) return available;
  const u64 used = number_in("/sys/fs/cgroup/memory.current").value_or(0);
  const u64 left = *limit - std::min(used, *limit);
  return std::min(available.value_or(left), left);
}

u64 resident_bytes(std::span<const std::byte> bytes) {
  const auto page = static_cast<u64>(sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> pages((bytes.size() + page - 1) / page);
  if (mincore(const_cast<std::byte*>(bytes.data()), bytes.size(), pages.data()) != 0) return bytes.size();
  return static_cast<u64>(std::ranges::count_if(pages, [](unsigned char p) { return (p & 1) != 0; })) * page;
}

}  // namespace hvo::bench
