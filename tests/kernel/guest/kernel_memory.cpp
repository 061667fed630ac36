#include "tests/kernel/guest/kernel_memory.h"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>

namespace hvo::kernel {

namespace {
constexpr const char* kTopTable = "init_top_pgt";
constexpr const char* kKey = "hugetlb_optimize_vmemmap_key";
constexpr const char* kVmemmapBase = "vmemmap_base";
constexpr const char* kDirectBase = "page_offset_base";
constexpr std::uint64_t kDefaultVmemmap = 0xffffea0000000000;
constexpr std::uint64_t kDefaultDirect = 0xffff888000000000;
}  // namespace

std::string KernelMemory::open() {
  fd_ = ::open("/proc/kcore", O_RDONLY | O_CLOEXEC);
  if (fd_ < 0 || !read_segments()) return "/proc/kcore can't be read";
  read_symbols();
  if (!symbols_.contains(kTopTable)) return "no init_top_pgt in /proc/kallsyms";
  vmemmap_ = word_at(kVmemmapBase, kDefaultVmemmap);
  direct_ = word_at(kDirectBase, kDefaultDirect);
  return {};
}

bool KernelMemory::read_segments() {
  Elf64_Ehdr header{};
  if (pread(fd_, &header, sizeof header, 0) != static_cast<ssize_t>(sizeof header)) return false;
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr p{};
    const auto at = static_cast<off_t>(header.e_phoff + i * sizeof p);
    if (pread(fd_, &p, sizeof p, at) != static_cast<ssize_t>(sizeof p)) return false;
    if (p.p_type == PT_LOAD) segments_.push_back({p.p_vaddr, p.p_memsz, p.p_offset});
  }
  return !segments_.empty();
}

void KernelMemory::read_symbols() {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/proc/kallsyms", "re"), &std::fclose);
  if (file == nullptr) return;
  char line[512];
  while (std::fgets(line, sizeof line, file.get()) != nullptr) {
    unsigned long va = 0;
    char name[256] = {};
    if (std::sscanf(line, "%lx %*c %255s", &va, name) != 2) continue;
    for (const char* wanted : {kTopTable, kKey, kVmemmapBase, kDirectBase}) {
      if (std::strcmp(name, wanted) == 0) symbols_[wanted] = va;
    }
  }
}

std::uint64_t KernelMemory::word_at(const char* symbol, std::uint64_t otherwise) const {
  std::uint64_t v = 0;
  const auto found = symbols_.find(symbol);
  return found != symbols_.end() && read(found->second, &v, sizeof v) && v != 0 ? v : otherwise;
}

bool KernelMemory::read(std::uint64_t va, void* into, std::size_t size) const {
  for (const Segment& s : segments_) {
    if (va < s.va || va - s.va + size > s.size) continue;
    return pread(fd_, into, size, static_cast<off_t>(s.offset + (va - s.va))) == static_cast<ssize_t>(size);
  }
  return false;
}

long KernelMemory::key_count() const {
  const auto found = symbols_.find(kKey);
  int count = 0;
  return found != symbols_.end() && read(found->second, &count, sizeof count) ? count : -1;
}

bool KernelMemory::pfn_of(std::uint64_t va, std::uint64_t& pfn) const {
  if (va < vmemmap_ || (va - vmemmap_) % sizeof(RawPage) != 0) return false;
  pfn = (va - vmemmap_) / sizeof(RawPage);
  return pfn < nr_pages_;
}

RawPage KernelMemory::page(std::uint64_t pfn) const {
  RawPage p{};
  if (!read(page_address(pfn), &p, sizeof p)) p = {};
  return p;
}

KernelMemory::Table KernelMemory::table_at(std::uint64_t pfn) const {
  Table table(kEntries);
  if (!read(direct_ + (pfn << 12), table.data(), kEntries * sizeof(Entry))) table.assign(kEntries, {});
  return table;
}

void KernelMemory::look(std::uint64_t nr_pages) {
  nr_pages_ = nr_pages;
  pmds_.clear();
  tables_.clear();
  Table top(kEntries);
  if (!read(symbols_.at(kTopTable), top.data(), kEntries * sizeof(Entry))) return;
  const Entry pgd = top[(vmemmap_ >> 39) % kEntries];
  if (!pgd.is_present()) return;
  const Table puds = table_at(pgd.pfn());
  // Less than 64 TiB of memory has its struct pages behind one PGD entry; a GiB of them behind each PUD entry.
  for (std::uint64_t pud = (vmemmap_ >> 30) % kEntries; pmds_.size() * kPagesPerPmd < nr_pages && pud < kEntries;
       ++pud) {
    const Table pmds = puds[pud].is_present() ? table_at(puds[pud].pfn()) : Table(kEntries);
    pmds_.insert(pmds_.end(), pmds.begin(), pmds.end());
  }
  pmds_.resize((nr_pages + kPagesPerPmd - 1) / kPagesPerPmd);
  for (std::uint64_t i = 0; i < pmds_.size(); ++i) {
    if (pmds_[i].is_present() && !pmds_[i].is_leaf()) tables_[i] = table_at(pmds_[i].pfn());
  }
}

Mapping KernelMemory::mapping(std::uint64_t pfn) const {
  const std::uint64_t i = pfn / kPagesPerPmd;
  const std::uint64_t page = pfn % kPagesPerPmd / 64;
  if (i >= pmds_.size() || !pmds_[i].is_present()) return {};
  if (pmds_[i].is_leaf()) return {pmds_[i].pfn() + page, true, pmds_[i].is_writable(), true};
  const Entry e = tables_.at(i)[page];
  return {e.pfn(), e.is_present(), e.is_writable(), false};
}

std::vector<std::uint64_t> KernelMemory::split_pmds() const {
  std::vector<std::uint64_t> split;
  for (const auto& [i, table] : tables_) split.push_back(i);
  return split;
}

std::uint64_t KernelMemory::nr_frames() const {
  std::vector<std::uint64_t> frames;
  for (std::uint64_t i = 0; i < pmds_.size(); ++i) {
    if (!pmds_[i].is_present()) continue;
    for (std::uint64_t page = 0; page < kEntries; ++page) {
      const Mapping m = mapping(i * kPagesPerPmd + page * 64);
      if (m.is_present) frames.push_back(m.pfn);
    }
  }
  std::ranges::sort(frames);
  const auto rest = std::ranges::unique(frames);
  return static_cast<std::uint64_t>(rest.begin() - frames.begin());
}

}  // namespace hvo::kernel
