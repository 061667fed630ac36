#include "bench/jump_label/text_alias.h"

#include <sys/mman.h>
#include <unistd.h>

#include "core/base/host_error.h"

namespace hvo::bench {

namespace {

/// A file in memory with these bytes, or -1 (errno).
int copy_to_memfd(const std::byte* bytes, u64 n) {
  const int fd = memfd_create("hvolab-text", MFD_CLOEXEC);
  if (fd < 0) return -1;
  for (u64 done = 0; done < n;) {
    const ssize_t some = write(fd, bytes + done, n - done);
    if (some <= 0) {
      close(fd);
      return -1;
    }
    done += static_cast<u64>(some);
  }
  return fd;
}

}  // namespace

std::expected<TextAlias, std::string> TextAlias::make(std::byte* first, std::byte* last) {
  const auto page = static_cast<u64>(sysconf(_SC_PAGESIZE));
  const u64 before = reinterpret_cast<u64>(first) % page;
  std::byte* const start = first - before;
  const u64 bytes = (static_cast<u64>(last - start) + page - 1) / page * page;
  const int fd = copy_to_memfd(start, bytes);
  if (fd < 0) return host_error("copying code");
  void* writable = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (writable == MAP_FAILED) {
    auto error = host_error("mapping code for writing");
    close(fd);
    return error;
  }
  // One call replaces them all: a thread that runs here meanwhile faults, waits, and finds the same bytes.
  void* shared = mmap(start, bytes, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, fd, 0);
  if (shared == MAP_FAILED) {
    auto error = host_error("mapping code from memory");
    munmap(writable, bytes);
    close(fd);
    return error;
  }
  close(fd);
  return TextAlias(start, bytes, static_cast<std::byte*>(writable));
}

TextAlias::~TextAlias() {
  if (writable_ != nullptr) munmap(writable_, bytes_);
}

}  // namespace hvo::bench
