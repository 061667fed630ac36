#include "stress/host/kernel.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "stress/numbers.h"

namespace hvo::stress {

namespace {

namespace fs = std::filesystem;

std::optional<std::string> first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  return line;
}

u64 number_in(const fs::path& path) {
  const auto line = first_line(path);
  return line ? whole_number(*line).value_or(0) : 0;
}

/// The value behind "key" or "key:" at the start of a line.
std::optional<u64> number_behind(const fs::path& path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key)) continue;
    const auto first = line.find_first_of("0123456789", key.size());
    if (first == std::string::npos || line.find_first_not_of(": \t", key.size()) != first) continue;
    return whole_number(line.substr(first, line.find_first_not_of("0123456789", first) - first));
  }
  return std::nullopt;
}

bool has_line(const fs::path& path, std::string_view wanted) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line == wanted) return true;
  }
  return false;
}

bool has_word(const std::string& words, std::string_view wanted) {
  for (std::size_t at = words.find(wanted); at != std::string::npos; at = words.find(wanted, at + 1)) {
    const auto end = at + wanted.size();
    if ((at == 0 || words[at - 1] == ' ') && (end == words.size() || words[end] == ' ')) return true;
  }
  return false;
}

/// major, minor of "6.12.113+deb12-cloud-amd64".
std::optional<std::pair<u32, u32>> version_of(const std::string& release) {
  const auto dot = release.find('.');
  if (dot == std::string::npos) return std::nullopt;
  const auto end = release.find_first_not_of("0123456789", dot + 1);
  const auto major = whole_number(release.substr(0, dot));
  const auto minor = whole_number(release.substr(dot + 1, end == std::string::npos ? end : end - dot - 1));
  if (!major || !minor || *major > 99 || *minor > 999) return std::nullopt;
  return std::pair{static_cast<u32>(*major), static_cast<u32>(*minor)};
}

void read_switch(const fs::path& root, HostKernel& k) {
  const auto set = [&k](HostHvo hvo, std::string where) {
    k.hvo = hvo;
    k.hvo_seen_in = std::move(where);
  };
  const fs::path sysctl = "proc/sys/vm/hugetlb_optimize_vmemmap";
  if (const auto line = first_line(root / sysctl)) {
    return set(*line == "0" ? HostHvo::off : HostHvo::on, "/" + sysctl.string());
  }
  if (k.design == nullptr) return set(HostHvo::absent, "its version");
  // Built in without a sysctl: a kernel before 5.19, or one in which no hugepage size can be optimised.
  const fs::path config = "boot/config-" + k.release;
  constexpr std::string_view kNames[] = {"CONFIG_HUGETLB_PAGE_OPTIMIZE_VMEMMAP", "CONFIG_HUGETLB_PAGE_FREE_VMEMMAP"};
  const auto is_set = [&](std::string_view suffix) {
    return std::ranges::any_of(kNames, [&](std::string_view name) {
      return has_line(root / config, std::string(name) + std::string(suffix) + "=y");
    });
  };
  if (first_line(root / config) && !is_set("")) return set(HostHvo::absent, "/" + config.string());
  const std::string cmdline = first_line(root / "proc/cmdline").value_or("");
  if (has_word(cmdline, "hugetlb_free_vmemmap=on")) return set(HostHvo::on, "/proc/cmdline");
  if (has_word(cmdline, "hugetlb_free_vmemmap=off")) return set(HostHvo::off, "/proc/cmdline");
  if (!first_line(root / config)) return set(HostHvo::unknown, "");
  set(is_set("_DEFAULT_ON") ? HostHvo::on : HostHvo::off, "/" + config.string());
}

std::vector<HostPool> read_pools(const fs::path& folder) {
  std::vector<HostPool> pools;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    constexpr std::string_view kPrefix = "hugepages-", kSuffix = "kB";
    const std::string name = entry.path().filename();
    if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) continue;
    const auto kib = whole_number(name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size()));
    if (!kib) continue;
    pools.push_back({.bytes_per_page = *kib << 10,
                     .nr = number_in(entry.path() / "nr_hugepages"),
                     .nr_free = number_in(entry.path() / "free_hugepages"),
                     .nr_surplus = number_in(entry.path() / "surplus_hugepages"),
                     .nr_overcommit = number_in(entry.path() / "nr_overcommit_hugepages")});
  }
  std::ranges::sort(pools, {}, &HostPool::bytes_per_page);
  return pools;
}

}  // namespace

u64 HostKernel::frames_freed(const HostPool& pool) const {
  const u64 vmemmap_pages = pool.bytes_per_page / page_bytes * kStructPageSize / page_bytes;
  if (design == nullptr || vmemmap_pages <= 1) return 0;
  return vmemmap_pages - design->frames_kept(vmemmap_pages);
}

HostKernel read_host_kernel(const std::string& root, const std::string& machine, u64 page_bytes) {
  const fs::path base = root + "/";
  HostKernel k;
  k.machine = machine;
  k.page_bytes = page_bytes;
  k.release = first_line(base / "proc/sys/kernel/osrelease").value_or("");
  if (const auto version = version_of(k.release)) k.design = find_design_of_kernel(version->first, version->second);
  read_switch(base, k);
  if (const auto kib = number_behind(base / "proc/meminfo", "MemTotal")) k.memory_bytes = *kib << 10;
  const auto later = number_behind(base / "proc/vmstat", "nr_memmap_pages");
  const auto boot = number_behind(base / "proc/vmstat", "nr_memmap_boot_pages");
  if (later && boot) k.memmap_pages = *later + *boot;
  k.pools = read_pools(base / "sys/kernel/mm/hugepages");
  return k;
}

HostKernel read_host_kernel() {
  utsname names{};
  uname(&names);
  return read_host_kernel("", names.machine, static_cast<u64>(sysconf(_SC_PAGESIZE)));
}

}  // namespace hvo::stress
