#include "core/frame/physical_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/host_error.h"

namespace hvo {

namespace {

u64 host_page() { return static_cast<u64>(sysconf(_SC_PAGESIZE)); }

/// The memfd that holds so many bytes. Error: the host's own text.
std::expected<int, std::string> make_file(u64 bytes) {
  const int fd = memfd_create("hvolab-frames", MFD_CLOEXEC);
  if (fd < 0) return host_error("memfd_create");
  if (ftruncate(fd, static_cast<off_t>(bytes)) == 0) return fd;
  auto error = host_error("ftruncate of the frames");
  close(fd);
  return error;
}

/// Of these, the bytes in pages of the host that are mapped.
u64 mapped_bytes(std::span<const std::byte> bytes) {
  const u64 page = host_page();
  std::array<unsigned char, 4096> pages;  // one by one of the host's
  u64 nr = 0;
  for (u64 at = 0; at < bytes.size(); at += pages.size() * page) {
    const u64 n = std::min(pages.size() * page, bytes.size() - at);
    if (mincore(const_cast<std::byte*>(bytes.data()) + at, n, pages.data()) != 0) return 0;
    const auto end = pages.begin() + static_cast<std::ptrdiff_t>((n + page - 1) / page);
    nr += static_cast<u64>(std::count_if(pages.begin(), end, [](unsigned char p) { return (p & 1) != 0; }));
  }
  return nr * page;
}

/// This process as process_madvise wants it named; -1 where the host can't.
int this_process() {
  static const auto fd = static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0));  // glibc 2.36 gives it no C linkage
  return fd;
}

/// Drops the pages of all these ranges. A host from Linux 6.13 on takes them in one call, with one flush of its TLBs;
/// others take them one by one.
bool drop(std::span<const iovec> ranges) {
  std::size_t i = 0;
  if (const int self = this_process(); self >= 0 && ranges.size() > 1) {
    auto done = process_madvise(self, ranges.data(), ranges.size(), MADV_DONTNEED, 0);
    // It may end early, and says how far it came; the rest goes the other way.
    for (; i < ranges.size() && done >= static_cast<ssize_t>(ranges[i].iov_len); ++i) {
      done -= static_cast<ssize_t>(ranges[i].iov_len);
    }
  }
  for (; i < ranges.size(); ++i) {
    if (madvise(ranges[i].iov_base, ranges[i].iov_len, MADV_DONTNEED) != 0) return false;
  }
  return true;
}

}  // namespace

std::expected<PhysicalMemory, std::string> PhysicalMemory::create(Arena& arena, u64 nr_frames, u8 page_shift,
                                                                  Backing backing) {
  if (nr_frames == 0 || nr_frames > u64{kNoFrame.v}) return std::unexpected("nr_frames must be 1 to 2^32 - 1");
  if (page_shift < 6 || page_shift > 30) return std::unexpected("page_shift must be 6 to 30");
  const u64 bytes = nr_frames << page_shift;
  int fd = -1;
  if (backing == Backing::file) {
    const auto file = make_file(bytes);
    if (!file) return std::unexpected(file.error());
    fd = *file;
  }
  const int flags = MAP_NORESERVE | (fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (memory == MAP_FAILED) {
    auto error = host_error("mmap of the frames");
    if (fd >= 0) close(fd);
    return error;
  }
  // A transparent hugepage would keep what was dropped of it. A host that has none refuses, and needs no telling.
  if (fd < 0) (void)madvise(memory, bytes, MADV_NOHUGEPAGE);
  FrameTable frames;
  frames.notes = arena.make_span<FrameNote>(nr_frames);
  frames.clock = &arena.make<Word<u32>>();
  frames.memory = static_cast<std::byte*>(memory);
  frames.page_shift = page_shift;
  return PhysicalMemory(fd, frames);
}

PhysicalMemory::PhysicalMemory(PhysicalMemory&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), frames_(std::exchange(other.frames_, FrameTable{})) {}

PhysicalMemory::~PhysicalMemory() {
  if (frames_.memory == nullptr) return;
  munmap(frames_.memory, nr_frames() << frames_.page_shift);
  if (fd_ >= 0) close(fd_);
}

std::expected<void, std::string> PhysicalMemory::discard(std::span<const FrameRun> runs) const {
  return backing() == Backing::file ? punch_holes(runs) : drop_pages(runs);
}

// A call a hole; and before that one for all, which takes the frames between them out of the page tables of the host
// once (they are mapped again when touched) where each hole would do so for itself.
std::expected<void, std::string> PhysicalMemory::punch_holes(std::span<const FrameRun> runs) const {
  if (runs.size() > 1) {
    const u64 start = align_down(u64{runs.front().first.v} << frames_.page_shift, host_page());
    const u64 end = (u64{runs.back().first.v} + runs.back().nr) << frames_.page_shift;
    // The file keeps what was stored through the mapping. A host that refuses is only slower.
    (void)madvise(frames_.memory + start, end - start, MADV_DONTNEED);
  }
  constexpr int kMode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  for (const FrameRun& run : runs) {
    const auto start = static_cast<off_t>(u64{run.first.v} << frames_.page_shift);
    const auto bytes = static_cast<off_t>(run.nr << frames_.page_shift);
    if (fallocate(fd_, kMode, start, bytes) != 0) return host_error("fallocate of a hole in the frames");
  }
  return {};
}

std::expected<void, std::string> PhysicalMemory::drop_pages(std::span<const FrameRun> runs) const {
  constexpr std::size_t kMostRanges = 256;
  const u64 page = host_page();
  std::array<iovec, kMostRanges> ranges;
  std::size_t nr_ranges = 0;
  for (const FrameRun& run : runs) {
    const u64 start = u64{run.first.v} << frames_.page_shift;
    const u64 end = start + (run.nr << frames_.page_shift);
    const u64 first_page = std::min(align_up(start, page), end);
    const u64 end_page = std::max(align_down(end, page), first_page);
    std::memset(frames_.memory + start, 0, first_page - start);
    std::memset(frames_.memory + end_page, 0, end - end_page);
    if (end_page == first_page) continue;
    ranges[nr_ranges++] = {.iov_base = frames_.memory + first_page, .iov_len = end_page - first_page};
    if (nr_ranges != kMostRanges) continue;
    if (!drop(ranges)) return host_error("madvise of free frames");
    nr_ranges = 0;
  }
  if (!drop(std::span(ranges).first(nr_ranges))) return host_error("madvise of free frames");
  return {};
}

u64 PhysicalMemory::resident_bytes() const {
  if (backing() == Backing::anonymous) return mapped_bytes(bytes());
  constexpr u64 kBlockBytes = 512;  // of st_blocks, whatever the file system
  struct stat status{};
  return fstat(fd_, &status) == 0 ? static_cast<u64>(status.st_blocks) * kBlockBytes : 0;
}

}  // namespace hvo
