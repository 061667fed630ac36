// sizes: amounts of memory, from a user's text and to be read.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/types.h"

namespace hvo::bench::savings {

/// Bytes of "64GiB", "1TiB", "512 MiB", "2M", "1G": a whole number and K, M, G, T or P, with or without "iB", in any
/// case; without a unit, bytes. Nothing for anything else, zero, or what 64 bits can't hold. (GB is refused: some mean
/// 10^9 by it.)
std::optional<u64> parse_size(std::string_view text);

/// "2 MiB", "1 TiB"; what divides evenly by no unit as "1.999 GiB".
std::string size_text(u64 bytes);
/// "2M", "1G": as hugepage sizes are written on command lines.
std::string short_size_text(u64 bytes);
/// With three decimals, for columns: "16.266".
std::string gib_text(u64 bytes);

}  // namespace hvo::bench::savings
