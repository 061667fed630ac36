#include "stress/host/memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

namespace hvo::stress {

std::optional<u64> host_memory_available() {
  std::ifstream info("/proc/meminfo");
  std::optional<u64> available;
  std::string name;
  u64 kib = 0;
  for (std::string unit; info >> name >> kib && std::getline(info, unit);) {
    if (name == "MemAvailable:") available = kib << 10;
  }
  u64 limit = 0;  // of cgroup v2; the word "max" when there is none
  if (std::ifstream file("/sys/fs/cgroup/memory.max"); file >> limit) {
    available = std::min(available.value_or(limit), limit);
  }
  return available;
}

std::expected<void, std::string> check_host_memory(const MachineConfig& config, std::optional<u64> available_bytes) {
  const MachineSizes sizes = sizes_of(config);
  const u64 needed = sizes.vmemmap_bytes + sizes.arena_bytes;
  if (!available_bytes || needed <= *available_bytes) return {};
  // Both grow with the modelled memory, nearly in proportion.
  const u64 mib = config.memory_pages >> (20 - config.geometry.page_shift);
  const double share = static_cast<double>(*available_bytes) / static_cast<double>(needed);
  return std::unexpected(fmt::format(
      "a machine with {} MiB needs {} MiB of this host; {} MiB are available, enough for about {} MiB: take a "
      "smaller --pool or --memory",
      mib, needed >> 20, *available_bytes >> 20, static_cast<u64>(static_cast<double>(mib) * share)));
}

}  // namespace hvo::stress
