#include "stress/host/report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "stress/pools.h"

namespace hvo::stress {

namespace {

constexpr u64 kTiB = u64{1} << 40;

std::string_view hvo_name(HostHvo hvo) {
  switch (hvo) {
    case HostHvo::absent: return "absent";
    case HostHvo::off: return "off";
    case HostHvo::on: return "on";
    case HostHvo::unknown: return "unknown";
  }
  return "";
}

/// "28 KiB", "14.000 GiB".
std::string amount(u64 bytes) {
  if (bytes < u64{32} << 20) return fmt::format("{} KiB", bytes >> 10);
  if (bytes < u64{10} << 30) return fmt::format("{} MiB", bytes >> 20);
  return fmt::format("{:.3f} GiB", static_cast<double>(bytes) / (u64{1} << 30));
}

u64 bytes_freed(const HostKernel& k, const HostPool& pool) { return k.frames_freed(pool) * k.page_bytes; }

/// If HVO had worked on every hugepage of the pools.
u64 bytes_of_pools(const HostKernel& k) {
  u64 bytes = 0;
  for (const HostPool& pool : k.pools) bytes += pool.nr * bytes_freed(k, pool);
  return bytes;
}

std::string design_text(const HostKernel& k) {
  if (k.design == nullptr) return "design    none: HVO began with 5.14\n";
  return fmt::format("design    {}, as kernels {}\n          walkers of all pfns: protected by {}\n", k.design->name,
                     k.design->kernels, k.design->walker_protection);
}

std::string switch_text(const HostKernel& k) {
  switch (k.hvo) {
    case HostHvo::absent: return fmt::format("HVO       not in this kernel ({})\n", k.hvo_seen_in);
    case HostHvo::unknown:
      return "HVO       can't tell: no sysctl vm.hugetlb_optimize_vmemmap, no boot\n"
             "          parameter, no readable configuration in /boot\n";
    case HostHvo::off:
    case HostHvo::on: break;
  }
  return fmt::format("HVO       built in, {} ({})\n", hvo_name(k.hvo), k.hvo_seen_in);
}

std::string pools_table(const HostKernel& k) {
  if (k.pools.empty()) return "\nno hugepage pools in /sys/kernel/mm/hugepages\n";
  std::string s = "\nhugepages       pool     free  surplus  overcommit   HVO frees of each\n";
  for (const HostPool& pool : k.pools) {
    const u64 all = pool.bytes_per_page / k.page_bytes * kStructPageSize;
    const u64 freed = bytes_freed(k, pool);
    s += fmt::format("{:<10} {:>9} {:>8} {:>8} {:>11}   {}\n", size_name(pool.bytes_per_page), pool.nr, pool.nr_free,
                     pool.nr_surplus, pool.nr_overcommit,
                     freed != 0 ? fmt::format("{} of {} KiB", freed >> 10, all >> 10) : std::string("nothing"));
  }
  return s;
}

std::string savings_text(const HostKernel& k) {
  const u64 most = bytes_of_pools(k);
  std::string s = "\nsaved now   ";
  if (k.hvo == HostHvo::absent || most == 0) {
    s += "nothing\n";
  } else if (k.hvo == HostHvo::on) {
    s += fmt::format("{}, if all were made while HVO was on\n", amount(most));
  } else {
    s += fmt::format("nothing, or {} if they were made while HVO was on\n", amount(most));
  }
  if (k.hvo != HostHvo::absent) {
    s += fmt::format("could save  {} with these pools\n", most == 0 ? "nothing" : amount(most));
    for (const HostPool& pool : k.pools) {
      if (bytes_freed(k, pool) == 0) continue;
      s += fmt::format("            {} of each TiB of {} hugepages\n",
                       amount(kTiB / pool.bytes_per_page * bytes_freed(k, pool)), size_name(pool.bytes_per_page));
    }
  }
  if (k.memmap_pages) {
    s += fmt::format("in use      {} of struct pages (nr_memmap_pages, nr_memmap_boot_pages)\n",
                     amount(*k.memmap_pages * k.page_bytes));
  }
  if (k.hvo == HostHvo::off) {
    s += "\nSwitch it on, as root: sysctl vm.hugetlb_optimize_vmemmap=1; it acts on\nhugepages that are made from then "
         "on.\n";
  }
  return s;
}

}  // namespace

std::string host_text(const HostKernel& k) {
  std::string s = fmt::format("kernel    {}, {}, {} KiB pages{}\n", k.release, k.machine, k.page_bytes >> 10,
                              k.memory_bytes ? ", " + amount(*k.memory_bytes) + " of memory" : "");
  return s + design_text(k) + switch_text(k) + pools_table(k) + savings_text(k);
}

std::string host_json(const HostKernel& k) {
  nlohmann::ordered_json j;
  j["kernel"] = {{"release", k.release}, {"machine", k.machine}, {"page_bytes", k.page_bytes}};
  if (k.memory_bytes) j["kernel"]["memory_bytes"] = *k.memory_bytes;
  if (k.memmap_pages) j["kernel"]["memmap_pages"] = *k.memmap_pages;
  j["design"] = k.design != nullptr ? nlohmann::ordered_json(k.design->name) : nlohmann::ordered_json(nullptr);
  j["hvo"] = {{"state", hvo_name(k.hvo)}, {"seen_in", k.hvo_seen_in}};
  j["pools"] = nlohmann::ordered_json::array();
  for (const HostPool& pool : k.pools) {
    j["pools"].push_back({{"bytes_per_page", pool.bytes_per_page},
                          {"nr", pool.nr},
                          {"free", pool.nr_free},
                          {"surplus", pool.nr_surplus},
                          {"overcommit", pool.nr_overcommit},
                          {"bytes_freed_of_each", bytes_freed(k, pool)}});
  }
  j["bytes_of_pools_if_all_optimised"] = bytes_of_pools(k);
  return j.dump(2) + "\n";
}

}  // namespace hvo::stress
