// numbers: from a user's text, and into few characters.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/types.h"

namespace hvo::stress {

/// The whole of `text` as a decimal or 0x number; nothing if it is anything else or does not fit.
std::optional<u64> whole_number(std::string_view text);
/// The whole of `text` as up to 16 hexadecimal digits, as hashes are written.
std::optional<u64> hex_number(std::string_view text);
/// The whole of `text` as a finite decimal number.
std::optional<double> real_number(std::string_view text);
/// "999", "1.2k", "12k", "4.5M": at most four characters, up to 999 of the largest unit, E.
std::string short_number(double n);

}  // namespace hvo::stress
