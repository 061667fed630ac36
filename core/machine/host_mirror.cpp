#include "core/machine/host_mirror.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "core/base/host_error.h"

namespace hvo {

namespace {

constexpr u64 kHostPage = 4096;

/// A PMD's, and, for the mask encoding, that of the largest compound's struct pages.
u64 alignment_of(const Geometry& g) { return std::max(g.pmd_size(), g.vmemmap_size(g.largest_order())); }

std::byte* host_pointer(u64 va) { return reinterpret_cast<std::byte*>(va); }

/// False, with errno, when the host refuses.
bool map_frames(const PhysicalMemory& memory, u64 va, u64 bytes, FrameNo first, bool writable) {
  const int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  const auto offset = static_cast<off_t>(u64{first.v} * kHostPage);
  return mmap(host_pointer(va), bytes, protection, MAP_SHARED | MAP_FIXED | MAP_POPULATE, memory.fd(), offset) !=
         MAP_FAILED;
}

/// Bytes of [start, end) in the host's anonymous 2 MiB pages (AnonHugePages of smaps).
u64 anon_huge_bytes(u64 start, u64 end) {
  std::ifstream smaps("/proc/self/smaps");
  u64 bytes = 0;
  bool inside = false;
  for (std::string line; std::getline(smaps, line);) {
    u64 first = 0;
    u64 last = 0;
    u64 kib = 0;
    if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " ", &first, &last) == 2) {
      inside = first >= start && last <= end;
    } else if (inside && std::sscanf(line.c_str(), "AnonHugePages: %" SCNu64, &kib) == 1) {
      bytes += kib << 10;
    }
  }
  return bytes;
}

}  // namespace

u64 mappings_in_use() {
  std::ifstream maps("/proc/self/maps");
  return static_cast<u64>(std::count(std::istreambuf_iterator<char>(maps), {}, '\n'));
}

u64 max_map_count() {
  std::ifstream file("/proc/sys/vm/max_map_count");
  u64 n = 65530;  // the default, where it can't be read
  file >> n;
  return n;
}

u64 mappings_of(const std::vector<DumpRow>& rows) {
  u64 n = 0;
  for (const DumpRow& row : rows) n += row.shape == DumpRow::Shape::same ? row.nr_entries : 1;
  return n;
}

std::string refuse_page_size(const Geometry& geometry) {
  if (geometry.page_size() == kHostPage && sysconf(_SC_PAGESIZE) == kHostPage) return {};
  return "only a geometry of 4 KiB pages can be mirrored on a host of 4 KiB pages, not " + std::string(geometry.name);
}

std::string refuse_mappings(u64 needed, u64 in_use, u64 max_map_count, u64 spare) {
  const u64 wanted = needed + in_use + spare;
  if (wanted <= max_map_count) return {};
  return "mirroring this vmemmap takes " + std::to_string(needed) + " memory mappings beside the " +
         std::to_string(in_use) + " in use, and vm.max_map_count is " + std::to_string(max_map_count) +
         ": sudo sysctl vm.max_map_count=" + std::to_string(wanted);
}

std::expected<HostMirror, std::string> HostMirror::reserve(const MachineConfig& config) {
  if (std::string why = refuse_page_size(config.geometry); !why.empty()) return std::unexpected(std::move(why));
  if (config.backing != Backing::file) {
    return std::unexpected("frames in private memory can't be mirrored: the machine needs Backing::file");
  }
  const u64 bytes = sizes_of(config).vmemmap_bytes;
  const u64 alignment = alignment_of(config.geometry);
  void* p = mmap(nullptr, bytes + alignment, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) return host_error("reserving address space for the vmemmap");
  const u64 start = reinterpret_cast<u64>(p);
  const u64 base = align_up(start, alignment);
  if (base != start) munmap(p, base - start);
  if (const u64 rest = start + alignment - base; rest != 0) munmap(host_pointer(base + bytes), rest);
  return HostMirror(base, bytes);
}

HostMirror::HostMirror(HostMirror&& other) noexcept
    : base_(other.base_), bytes_(std::exchange(other.bytes_, 0)), nr_mappings_(other.nr_mappings_) {}

HostMirror::~HostMirror() {
  if (bytes_ != 0) munmap(host_pointer(base_), bytes_);
}

std::expected<void, std::string> HostMirror::map_row(const Machine& machine, const DumpRow& row) {
  const bool alias = row.shape == DumpRow::Shape::same;
  const u64 step = alias ? kHostPage : row.end - row.start;
  for (u64 va = row.start; va != row.end; va += step) {
    if (!map_frames(machine.memory(), va, step, row.frame, row.writable)) return host_error("mapping the vmemmap");
    ++nr_mappings_;
  }
  return {};
}

std::expected<void, std::string> HostMirror::map_huge(const Machine& machine, const DumpRow& row) {
  const u64 bytes = row.end - row.start;
  std::byte* const start = host_pointer(row.start);
  if (mmap(start, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) {
    return host_error("mapping the vmemmap in 2 MiB pages");
  }
  if (madvise(start, bytes, MADV_HUGEPAGE) != 0) return host_error("this kernel has no transparent hugepages");
  std::memcpy(start, machine.memory().bytes().data() + u64{row.frame.v} * kHostPage, bytes);
  ++nr_mappings_;
  return {};
}

std::expected<void, std::string> HostMirror::map_page(const PhysicalMemory& memory, u64 va, Pte pte) const {
  HVO_CHECK(va - base_ < bytes_ && is_aligned(va, kHostPage), "a page of the vmemmap is mapped");
  if (!pte.is_present()) {
    if (mprotect(host_pointer(va), kHostPage, PROT_NONE) != 0) return host_error("mapping a page of the vmemmap");
    return {};
  }
  if (!map_frames(memory, va, kHostPage, pte.frame(), pte.is_writable())) {
    return host_error("mapping a page of the vmemmap");
  }
  return {};
}

std::expected<void, std::string> HostMirror::map(Machine& machine, Blocks blocks) {
  PageTable& table = machine.page_table();
  HVO_CHECK(table.vmemmap_base() == base_ && table.vmemmap_end() == base_ + bytes_,
            "a mirror maps the machine that was built on its address");
  std::vector<DumpRow> rows;
  Cpu& cpu = machine.cpu(0);
  cpu.run();
  ptdump(cpu, table, table.vmemmap_base(), table.vmemmap_end(), rows);
  cpu.idle();
  // Starting again from one reservation: what was mapped before would count twice.
  if (mmap(host_pointer(base_), bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) ==
      MAP_FAILED) {
    return host_error("reserving the vmemmap again");
  }
  nr_mappings_ = 0;
  if (std::string why = refuse_mappings(mappings_of(rows), mappings_in_use(), max_map_count()); !why.empty()) {
    return std::unexpected(std::move(why));
  }
  u64 huge_bytes = 0;
  for (const DumpRow& row : rows) {
    const bool is_huge = row.is_block && blocks == Blocks::huge;
    if (auto r = is_huge ? map_huge(machine, row) : map_row(machine, row); !r) return r;
    if (is_huge) huge_bytes += row.end - row.start;
  }
  if (const u64 granted = anon_huge_bytes(base_, base_ + bytes_); granted < huge_bytes) {
    return std::unexpected("the host granted " + std::to_string(granted >> 20) + " of " +
                           std::to_string(huge_bytes >> 20) +
                           " MiB in 2 MiB pages: see /sys/kernel/mm/transparent_hugepage/enabled, and free memory");
  }
  return {};
}

}  // namespace hvo
