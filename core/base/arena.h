// The arena: all mutable state of a simulated machine in two mappings, so that reset and snapshot are a memcpy.
//
// What lives here is trivially copyable and names other things by index or unit, never by pointer; wiring (who calls
// whom, the engine, callbacks) stands apart. Nothing is allocated after construction.
#pragma once

#include <cstring>
#include <expected>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "core/base/check.h"
#include "core/base/types.h"

namespace hvo {

/// A zeroed private mapping from which objects are carved in order. Pages never touched cost no memory.
/// Not thread-safe while carving; afterwards it is just memory.
class Arena {
 public:
  /// Reserves `capacity_bytes` of address space. Errors: the host's own text when it refuses.
  static std::expected<Arena, std::string> create(u64 capacity_bytes);
  Arena(Arena&& other) noexcept;
  Arena& operator=(Arena&&) = delete;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();

  /// `n` value-initialised objects, aligned to a cache line. The memory is zero, so a type whose initial value is
  /// all zero bytes is not touched.
  template <class T>
  std::span<T> make_span(u64 n) {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);
    T* first = static_cast<T*>(carve(n * sizeof(T), alignof(T)));
    return {first, n};
  }
  template <class T, class... Args>
  T& make(Args&&... args) {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);
    return *new (carve(sizeof(T), alignof(T))) T{static_cast<Args&&>(args)...};
  }

  u64 used_bytes() const { return used_; }
  u64 capacity_bytes() const { return capacity_; }
  std::span<std::byte> bytes() { return {base_, used_}; }
  std::span<const std::byte> bytes() const { return {base_, used_}; }
  /// Offset of an object in this arena: its name in reports, hashes and schedules.
  u64 offset_of(const void* p) const { return static_cast<u64>(static_cast<const std::byte*>(p) - base_); }
  bool contains(const void* p) const { return p >= base_ && p < base_ + used_; }

 private:
  Arena(std::byte* base, u64 capacity) : base_(base), capacity_(capacity) {}
  void* carve(u64 bytes, u64 alignment);

  std::byte* base_ = nullptr;
  u64 capacity_ = 0;
  u64 used_ = 0;
};

}  // namespace hvo
