// Trap: a store that did not happen, as the kernel's page-fault oops. The operation ends there.
#pragma once

#include <expected>

#include "core/base/types.h"

namespace hvo {

struct Trap {
  u64 va = 0;  ///< the address written to
};

/// The result of a store or RMW by virtual address. A retry loop can't spin on a trap: it is not a value to compare.
template <class T>
using OrTrap = std::expected<T, Trap>;

}  // namespace hvo
