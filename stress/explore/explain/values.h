// values: what words of modelled memory hold, in the kernel's terms.
#pragma once

#include <optional>
#include <string>

#include "stress/explore/explain/object_names.h"

namespace hvo::stress {

/// "frame 2 ro", "page[0]+1" (a tail's pointer to its head), "mask(4)|1" (a tail of order 4 where tails hold masks),
/// "head|lru", "CPU 1", "0".
std::string value_text(Machine& machine, const Object& object, u64 value);
/// "1→0", "frame 5 rw → 2 ro"; "= 0" when the old value is not known.
std::string change_text(Machine& machine, const Object& object, std::optional<u64> old, u64 now);

}  // namespace hvo::stress
