#include "stress/numbers.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

namespace hvo::stress {

namespace {

std::optional<u64> number_of_base(std::string_view text, int base) {
  u64 n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return n;
}

}  // namespace

std::optional<u64> whole_number(std::string_view text) {
  const bool is_hex = text.starts_with("0x") || text.starts_with("0X");
  return is_hex ? hex_number(text.substr(2)) : number_of_base(text, 10);
}

std::optional<u64> hex_number(std::string_view text) { return number_of_base(text, 16); }

std::optional<double> real_number(std::string_view text) {
  double n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(n)) return std::nullopt;
  return n;
}

std::string short_number(double n) {
  constexpr std::array<char, 6> kUnits{'k', 'M', 'G', 'T', 'P', 'E'};
  if (n < 999.5) return fmt::format("{:.0f}", n);
  std::size_t unit = 0;
  for (n /= 1000; n >= 999.5 && unit + 1 < kUnits.size(); ++unit) n /= 1000;
  return fmt::format("{:.{}f}{}", n, n < 9.95 ? 1 : 0, kUnits[unit]);
}

}  // namespace hvo::stress
