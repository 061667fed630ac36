#include "tests/kernel/guest/pools.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "tests/kernel/guest/output.h"

namespace hvo::kernel {

namespace {

constexpr unsigned kPageShift = 12;

std::string folder(unsigned order) {
  return "/sys/kernel/mm/hugepages/hugepages-" + std::to_string(4UL << order) + "kB/";
}
std::uint64_t read_number(const std::string& path) {
  return std::strtoull(read_file(path.c_str()).c_str(), nullptr, 10);
}
std::string result(int error) { return error == 0 ? "ok" : strerrorname_np(error); }

sigjmp_buf no_memory;
void on_sigbus(int /*signal*/) { siglongjmp(no_memory, 1); }

/// A store to the page. False: there was no hugepage for it (SIGBUS).
bool touch(void* page) {
  if (sigsetjmp(no_memory, 1) != 0) return false;
  *static_cast<volatile char*>(page) = 1;
  return true;
}

}  // namespace

Pools::Pools() : pagemap_(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)) {
  struct sigaction action = {};
  action.sa_handler = on_sigbus;
  sigaction(SIGBUS, &action, nullptr);
}

Pools::~Pools() { close(pagemap_); }

bool Pools::has_size(unsigned order) const { return access(folder(order).c_str(), F_OK) == 0; }

PoolLine Pools::counters(unsigned order) const {
  const std::string at = folder(order);
  return {order,
          read_number(at + "nr_hugepages"),
          read_number(at + "free_hugepages"),
          read_number(at + "surplus_hugepages"),
          read_number(at + "resv_hugepages"),
          read_number(at + "nr_overcommit_hugepages")};
}

std::vector<std::uint64_t> Pools::used(unsigned order) const {
  std::vector<std::uint64_t> blocks;
  for (const Mapped& m : mapped_[order == kOrder1G ? 1 : 0]) blocks.push_back(m.block);
  return blocks;
}

std::uint64_t Pools::block_at(const void* address) const {
  std::uint64_t entry = 0;
  const auto at = static_cast<off_t>((reinterpret_cast<std::uintptr_t>(address) >> kPageShift) * sizeof entry);
  if (pread(pagemap_, &entry, sizeof entry, at) != static_cast<ssize_t>(sizeof entry)) return 0;
  return (entry & ((std::uint64_t{1} << 55) - 1)) >> kBlockOrder;
}

std::string Pools::take(const Step& step) {
  const std::string count = std::to_string(step.count);
  switch (step.kind) {
    case StepKind::sysctl: return result(write_file("/proc/sys/vm/hugetlb_optimize_vmemmap", count));
    case StepKind::set: return result(write_file(folder(step.order) + "nr_hugepages", count));
    case StepKind::overcommit: return result(write_file(folder(step.order) + "nr_overcommit_hugepages", count));
    case StepKind::demote: return result(write_file(folder(kOrder1G) + "demote", count));
    case StepKind::demote_size: {
      const std::string size = std::to_string(4UL << step.order) + "kB";
      return result(write_file(folder(kOrder1G) + "demote_size", size));
    }
    case StepKind::fault: return fault(step);
    case StepKind::free: return free(step.order, step.count);
    case StepKind::drain: return drain();
    case StepKind::walk: return walk();
    case StepKind::poison: break;  // poison()
  }
  return "?";
}

std::string Pools::fault(const Step& step) {
  const std::size_t size = std::size_t{1} << (step.order + kPageShift);
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE |
                    static_cast<int>((step.order + kPageShift) << MAP_HUGE_SHIFT);
  for (std::uint64_t i = 0; i < step.count; ++i) {
    void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (at == MAP_FAILED) return result(errno);
    // A child that is killed must not have taken references along.
    madvise(at, size, MADV_DONTFORK);
    if (!touch(at)) {
      munmap(at, size);
      return "did:" + std::to_string(i);
    }
    mapped(step.order).push_back({at, block_at(at)});
  }
  return "ok";
}

std::string Pools::free(unsigned order, std::uint64_t count) {
  std::deque<Mapped>& pages = mapped(order);
  for (std::uint64_t i = 0; i < count; ++i) {
    if (pages.empty()) return "did:" + std::to_string(i);
    munmap(pages.front().at, std::size_t{1} << (order + kPageShift));
    pages.pop_front();
  }
  return "ok";
}

std::string Pools::drain() {
  for (const unsigned order : {kOrder1G, kOrder2M}) {
    free(order, mapped(order).size());
    // Frees that may not sleep are done by a worker.
    usleep(20000);
    write_file(folder(order) + "nr_overcommit_hugepages", "0");
    // Writing the size first makes what is free and surplus persistent.
    write_file(folder(order) + "nr_hugepages", std::to_string(counters(order).nr));
    write_file(folder(order) + "nr_hugepages", "0");
  }
  return "ok";
}

std::string Pools::poison(const Step& step, const std::vector<std::uint64_t>& free) {
  std::deque<Mapped>& pages = mapped(step.order);
  if (step.is_used ? pages.empty() : free.empty()) return "did:0";
  if (step.is_used && counters(step.order).surplus != 0) return kSurplus;
  const std::uint64_t block = step.is_used ? pages.front().block : free.front();
  const std::uint64_t pfn = (block << kBlockOrder) + step.count;
  const int error = write_file(kHardOffline, std::to_string(pfn << kPageShift));
  // The kernel has unmapped it, whatever else failed; the mapping remembers that, and is of no more use.
  if (step.is_used) this->free(step.order, 1);
  poisoned_.push_back(pfn);
  return result(error);
}

std::string Pools::walk() const {
  // The kernel kills who walks into a read-only struct page: a child.
  const pid_t child = fork();
  if (child < 0) return result(errno);
  if (child == 0) _exit(write_file("/sys/kernel/debug/split_huge_pages", "1"));
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return "killed";
  return result(WEXITSTATUS(status));
}

}  // namespace hvo::kernel
