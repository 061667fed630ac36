#include "core/frame/physical_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace hvo {

namespace {

std::unexpected<std::string> host_error(const char* what) {
  const int error = errno;
  return std::unexpected(std::string(what) + ": " + std::strerror(error));
}

}  // namespace

std::expected<PhysicalMemory, std::string> PhysicalMemory::create(Arena& arena, u64 nr_frames, u8 page_shift) {
  if (nr_frames == 0 || nr_frames > u64{kNoFrame.v}) return std::unexpected("nr_frames must be 1 to 2^32 - 1");
  if (page_shift < 6 || page_shift > 30) return std::unexpected("page_shift must be 6 to 30");
  const u64 bytes = nr_frames << page_shift;
  const int fd = memfd_create("hvolab-frames", MFD_CLOEXEC);
  if (fd < 0) return host_error("memfd_create");
  if (ftruncate(fd, static_cast<off_t>(bytes)) != 0) {
    auto error = host_error("ftruncate of the frames");
    close(fd);
    return error;
  }
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
  if (memory == MAP_FAILED) {
    auto error = host_error("mmap of the frames");
    close(fd);
    return error;
  }
  FrameTable frames;
  frames.use = arena.make_span<Word<u16>>(nr_frames);
  frames.epoch = arena.make_span<Word<u32>>(nr_frames);
  frames.clock = &arena.make<Word<u32>>();
  frames.memory = static_cast<std::byte*>(memory);
  frames.page_shift = page_shift;
  return PhysicalMemory(fd, frames);
}

PhysicalMemory::PhysicalMemory(PhysicalMemory&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), frames_(std::exchange(other.frames_, FrameTable{})) {}

PhysicalMemory::~PhysicalMemory() {
  if (fd_ < 0) return;
  munmap(frames_.memory, nr_frames() << frames_.page_shift);
  close(fd_);
}

std::expected<void, std::string> PhysicalMemory::discard(std::span<const FrameRun> runs) const {
  if (runs.size() > 1) {
    const auto host_page = static_cast<u64>(sysconf(_SC_PAGESIZE));
    const u64 start = align_down(u64{runs.front().first.v} << frames_.page_shift, host_page);
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

u64 PhysicalMemory::resident_bytes() const {
  constexpr u64 kBlockBytes = 512;  // of st_blocks, whatever the file system
  struct stat status{};
  return fstat(fd_, &status) == 0 ? static_cast<u64>(status.st_blocks) * kBlockBytes : 0;
}

}  // namespace hvo
