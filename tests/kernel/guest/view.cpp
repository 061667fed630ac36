#include "tests/kernel/guest/view.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "tests/kernel/guest/output.h"

namespace hvo::kernel {

namespace {

constexpr unsigned kKpfHead = 15;
constexpr unsigned kKpfTail = 16;
constexpr unsigned kKpfHuge = 17;
constexpr unsigned kKpfHwpoison = 19;
constexpr std::uint64_t kKibPerPage = 4;
constexpr std::uint64_t kHpgFreed = 1U << 3;
constexpr std::uint64_t kHpgVmemmapOptimized = 1U << 4;
constexpr unsigned kSettleTries = 400;
constexpr unsigned kSettleMicroseconds = 2500;

bool has(std::uint64_t flags, unsigned bit) { return (flags >> bit & 1) != 0; }

/// PG_head: 16 up to 6.10 or so, then 6. The first struct page of a hugepage has it and the second has not.
std::uint64_t head_bit(const RawPage& first, const RawPage& second) {
  return (first.flags & ~second.flags) & (std::uint64_t{1} << 6 | std::uint64_t{1} << 16);
}

}  // namespace

View::View(KernelMemory& memory, Pools& pools)
    : memory_(memory), pools_(pools), kpageflags_(open("/proc/kpageflags", O_RDONLY | O_CLOEXEC)) {
  for (std::uint64_t flags = 0;; nr_pages_ += std::uint64_t{1} << kBlockOrder) {
    if (pread(kpageflags_, &flags, 8, static_cast<off_t>(nr_pages_ * 8)) != 8) break;
  }
}

std::vector<std::uint64_t> View::kpageflags(std::uint64_t pfn, std::uint64_t nr) const {
  std::vector<std::uint64_t> flags(nr);
  if (pread(kpageflags_, flags.data(), nr * 8, static_cast<off_t>(pfn * 8)) != static_cast<ssize_t>(nr * 8)) {
    flags.clear();
  }
  return flags;
}

void View::find_hugepages() {
  hugepages_.clear();
  constexpr std::uint64_t kBlock = std::uint64_t{1} << kBlockOrder;
  const auto flags_at = [&](std::uint64_t pfn) {
    const auto flags = kpageflags(pfn, 1);
    return flags.empty() ? 0 : flags[0];
  };
  for (std::uint64_t pfn = 0; pfn < nr_pages_;) {
    const std::uint64_t flags = flags_at(pfn);
    if (!has(flags, kKpfHead) || !has(flags, kKpfHuge)) {
      pfn += kBlock;
      continue;
    }
    const bool is_large = has(flags_at(pfn + kBlock), kKpfTail);
    const unsigned order = is_large ? kOrder1G : kOrder2M;
    hugepages_.push_back({pfn, order, (memory_.page(pfn).priv & kHpgFreed) != 0});
    pfn += std::uint64_t{1} << order;
  }
}

void View::settle() {
  for (unsigned i = 0; i < kSettleTries; ++i) {
    find_hugepages();
    std::uint64_t counted = 0;
    for (const unsigned order : {kOrder2M, kOrder1G}) counted += pools_.counters(order).nr;
    if (counted == hugepages_.size()) return;
    usleep(kSettleMicroseconds);
  }
  say("HVO note not every hugepage is in a pool");
}

std::vector<std::uint64_t> View::free_list(unsigned order) const {
  std::map<std::uint64_t, std::uint64_t> next;
  std::vector<std::uint64_t> list;
  std::uint64_t front = 0;
  for (const Hugepage& h : hugepages_) {
    if (!h.is_free || h.order != order) continue;
    const RawPage raw = memory_.page(h.pfn);
    std::uint64_t previous = 0;
    std::uint64_t following = 0;
    // A link points at the word itself; what is none of a struct page is the list's own.
    if (!memory_.pfn_of(raw.previous - 8, previous)) front = h.pfn;
    next[h.pfn] = memory_.pfn_of(raw.compound_head - 8, following) ? following : 0;
  }
  for (std::uint64_t pfn = front; pfn != 0 && next.contains(pfn) && list.size() < next.size(); pfn = next[pfn]) {
    list.push_back(pfn >> kBlockOrder);
  }
  return list;
}

FolioState View::state_of(const Hugepage& page) const {
  FolioState s{.order = page.order, .flag = (memory_.page(page.pfn).priv & kHpgVmemmapOptimized) != 0};
  const Mapping first = memory_.mapping(page.pfn);
  s.head_writable = first.is_writable;
  for (std::uint64_t i = 0; i < std::uint64_t{1} << page.order; i += 64) {
    const Mapping m = memory_.mapping(page.pfn + i);
    if (i != 0 && m.pfn == first.pfn) ++s.aliases;
    if (!m.is_writable) ++s.read_only;
  }
  return s;
}

FolioCheck View::check(const Hugepage& page) const {
  constexpr std::uint64_t kStep = 4096;
  FolioCheck c{.block = page.pfn >> kBlockOrder, .order = page.order};
  const std::uint64_t nr = std::uint64_t{1} << page.order;
  const std::uint64_t bit = head_bit(memory_.page(page.pfn), memory_.page(page.pfn + 1));
  const std::uint64_t direct = memory_.page_address(page.pfn) | 1;
  for (std::uint64_t first = 0; first < nr; first += kStep) {
    const std::uint64_t n = std::min(kStep, nr - first);
    const auto flags = kpageflags(page.pfn + first, n);
    std::vector<RawPage> raw(n);
    if (flags.empty() || !memory_.read(memory_.page_address(page.pfn + first), raw.data(), n * sizeof(RawPage)))
      return c;
    for (std::uint64_t i = 0; i < n; ++i) {
      const bool head = has(flags[i], kKpfHead);
      const bool tail = has(flags[i], kKpfTail);
      const bool huge = has(flags[i], kKpfHuge);
      const bool is_first = first + i == 0;
      c.head += head ? 1 : 0;
      c.tail += tail ? 1 : 0;
      c.huge += huge ? 1 : 0;
      c.wrong += head == is_first && tail == !is_first && huge ? 0 : 1;
      c.raw_heads += (raw[i].flags & bit) != 0 ? 1 : 0;
      c.raw_tails += raw[i].compound_head & 1;
      c.raw_direct += raw[i].compound_head == direct ? 1 : 0;
    }
  }
  return c;
}

void View::show_checks(unsigned step) const {
  // Of each size and use the one that lies lowest, and the one that lies highest.
  std::map<std::pair<unsigned, bool>, std::pair<const Hugepage*, const Hugepage*>> chosen;
  for (const Hugepage& h : hugepages_) {
    auto& [low, high] = chosen[{h.order, h.is_free}];
    if (low == nullptr) low = &h;
    high = &h;
  }
  for (const auto& [key, ends] : chosen) {
    say(line_of(check(*ends.first), step));
    if (ends.second != ends.first && key.first == kOrder2M) say(line_of(check(*ends.second), step));
  }
}

void View::show_memory(unsigned step) const {
  write_file("/proc/sys/vm/stat_refresh", "1");
  const std::string vmstat = read_file("/proc/vmstat");
  unsigned long free = number_in(vmstat, "nr_free_pages ");
  const std::string zones = read_file("/proc/zoneinfo");
  // Pages that wait in the lists of a CPU are free as well.
  for (std::size_t at = 0; (at = zones.find("count:", at)) != std::string::npos; at += 6) {
    free += strtoul(zones.c_str() + at + 6, nullptr, 10);
  }
  const std::string n = " n=" + std::to_string(step);
  const bool has_memmap = vmstat.find("nr_memmap_pages ") != std::string::npos;
  const unsigned long memmap = number_in(vmstat, "nr_memmap_pages ") + number_in(vmstat, "nr_memmap_boot_pages ");
  say("HVO vmemmap" + n + " frames=" + std::to_string(memory_.nr_frames()) +
      (has_memmap ? " memmap=" + std::to_string(memmap) : std::string()) +
      " split=" + std::to_string(memory_.split_pmds().size()) + " pmds=" + to_text(memory_.split_pmds()));
  say("HVO free" + n + " pages=" + std::to_string(free));
  say("HVO key" + n + " count=" + std::to_string(memory_.key_count()));
}

void View::show_errors(unsigned step) const {
  if (pools_.poisoned().empty()) return;
  std::vector<std::uint64_t> marked;
  for (const std::uint64_t pfn : pools_.poisoned()) {
    const auto flags = kpageflags(pfn, 1);
    if (!flags.empty() && has(flags[0], kKpfHwpoison)) marked.push_back(pfn);
  }
  say(line_of_errors(number_in(read_file("/proc/meminfo"), "HardwareCorrupted:") / kKibPerPage, marked, step));
}

void View::show(unsigned step) {
  settle();
  memory_.look(nr_pages_);
  show_memory(step);
  for (const unsigned order : {kOrder2M, kOrder1G}) {
    if (!pools_.has_size(order)) continue;
    say(line_of(pools_.counters(order), step));
    say(line_of_lists(order, free_list(order), pools_.used(order), step));
  }
  std::map<FolioState, std::vector<std::uint64_t>> states;
  for (const Hugepage& h : hugepages_) states[state_of(h)].push_back(h.pfn >> kBlockOrder);
  for (const auto& [state, blocks] : states) say(line_of(state, blocks, step));
  show_checks(step);
  show_errors(step);
}

}  // namespace hvo::kernel
