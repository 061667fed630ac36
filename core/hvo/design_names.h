// design_names: designs as users name them: by their name, or by the version of a kernel that has them.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "core/hvo/designs.h"

namespace hvo {

struct KernelVersion {
  u32 major = 0;
  u32 minor = 0;
};
/// "6.12", "v6.12", "6.12.3"; nothing for anything else.
std::optional<KernelVersion> kernel_version(std::string_view text);

/// The design of that name, or of that kernel. Error: one line for the user, which lists the known ones.
std::expected<const Design*, std::string> design_of(std::string_view text);

}  // namespace hvo
