#include "bench/savings/sizes.h"

#include <fmt/format.h>

#include <charconv>

namespace hvo::bench::savings {

namespace {

constexpr std::string_view kUnits = "KMGTP";

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool is_suffix(std::string_view text) {
  return text.empty() || (text.size() == 2 && upper(text[0]) == 'I' && upper(text[1]) == 'B');
}

struct Scaled {
  u64 n = 0;
  std::size_t unit = 0;  ///< 0: bytes, 1: K…
};
Scaled scaled(u64 bytes) {
  Scaled s{bytes, 0};
  while (s.n != 0 && s.n % 1024 == 0 && s.unit < kUnits.size()) {
    s.n /= 1024;
    ++s.unit;
  }
  return s;
}

}  // namespace

std::optional<u64> parse_size(std::string_view text) {
  u64 n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || n == 0) return std::nullopt;
  std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (unit.starts_with(' ')) unit.remove_prefix(1);
  if (unit.empty()) return n;
  const auto at = kUnits.find(upper(unit[0]));
  if (at == std::string_view::npos || !is_suffix(unit.substr(1))) return std::nullopt;
  const u64 shift = 10 * (at + 1);
  if (n > ~u64{0} >> shift) return std::nullopt;
  return n << shift;
}

std::string size_text(u64 bytes) {
  const Scaled whole = scaled(bytes);
  // 1536 MiB is still easily read; 16777217 KiB is not.
  if (whole.n < 100'000)
    return fmt::format("{} {}", whole.n, whole.unit == 0 ? "B" : fmt::format("{}iB", kUnits[whole.unit - 1]));
  auto n = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; n >= 1024 && unit < kUnits.size(); ++unit) n /= 1024;
  return fmt::format("{:.3f} {}iB", n, kUnits[unit - 1]);
}

std::string short_size_text(u64 bytes) {
  const Scaled s = scaled(bytes);
  return fmt::format("{}{}", s.n, s.unit == 0 ? "" : std::string(1, kUnits[s.unit - 1]));
}

std::string gib_text(u64 bytes) {
  return fmt::format("{:.3f}", static_cast<double>(bytes) / static_cast<double>(u64{1} << 30));
}

}  // namespace hvo::bench::savings
