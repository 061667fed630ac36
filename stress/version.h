// version: which hvolab this is.
#pragma once

#include <string_view>

namespace hvo::stress {

extern const std::string_view kVersion;
/// As `git describe` names it; "unknown" outside a checkout.
extern const std::string_view kCommit;

}  // namespace hvo::stress
