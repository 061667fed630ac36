// host_memory: what the host has left, and what it keeps for us.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "core/base/types.h"

namespace hvo::bench {

/// Bytes that this process can still get: what the kernel calls available, or what its control group has left when that
/// is less. Nothing when the host does not say.
std::optional<u64> host_memory_available();

/// Bytes of this private mapping that the host keeps in memory (mincore); all of them when it does not say.
u64 resident_bytes(std::span<const std::byte> bytes);

}  // namespace hvo::bench
