// torn_copy: a look at what another thread may be writing, for the dump of a hang and nothing else.
#pragma once

#include <type_traits>

#include "core/cpu/diagnostics.h"

namespace hvo::stress {

/// Copies word by word. Parts may be of different moments, and the copy orders nothing, also not in the eyes of
/// ThreadSanitizer: the process is about to end, and a lock that waits for the stuck CPU would hang the dump as well.
template <class T>
HVO_DETECTOR T torn_copy(const T& from) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % sizeof(u64) == 0 && alignof(T) >= alignof(u64));
  using Raw [[gnu::may_alias]] = u64;
  T to{};
  const Raw* source = reinterpret_cast<const Raw*>(&from);
  Raw* target = reinterpret_cast<Raw*>(&to);
  for (std::size_t i = 0; i < sizeof(T) / sizeof(u64); ++i) target[i] = __atomic_load_n(source + i, __ATOMIC_RELAXED);
  return to;
}

}  // namespace hvo::stress
