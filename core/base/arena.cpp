#include "core/base/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/base/units.h"

namespace hvo {

std::expected<Arena, std::string> Arena::create(u64 capacity_bytes) {
  void* p = mmap(nullptr, capacity_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) return std::unexpected(std::string(std::strerror(errno)));
  return Arena(static_cast<std::byte*>(p), capacity_bytes);
}

Arena::Arena(Arena&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)), capacity_(other.capacity_), used_(other.used_) {}

Arena::~Arena() {
  if (base_ != nullptr) munmap(base_, capacity_);
}

void* Arena::carve(u64 bytes, u64 alignment) {
  // A cache line each: two objects of different owners never share one.
  const u64 start = align_up(used_, std::max<u64>(alignment, 64));
  HVO_CHECK(start + bytes <= capacity_, "arena too small for this machine: its capacity estimate is wrong");
  used_ = start + bytes;
  return base_ + start;
}

}  // namespace hvo
