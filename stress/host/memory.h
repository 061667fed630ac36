// memory: does a machine fit into this host? Asked before a run, for a host that is out of memory kills.
#pragma once

#include <expected>
#include <optional>
#include <string>

#include "core/machine/config.h"

namespace hvo::stress {

/// Bytes that the host can still give: what the kernel calls available, or the limit of this control group when that is
/// lower. Nothing when the host does not say.
std::optional<u64> host_memory_available();

/// Error: one line with what a machine of this configuration needs and what there is.
std::expected<void, std::string> check_host_memory(const MachineConfig& config, std::optional<u64> available_bytes);

}  // namespace hvo::stress
