#include "core/hvo/design_names.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace hvo {

namespace {

std::optional<u32> number(std::string_view text) {
  u32 n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return n;
}

}  // namespace

std::optional<KernelVersion> kernel_version(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  std::array<u32, 3> parts{};
  std::size_t nr = 0;
  for (std::size_t at = 0; at <= text.size(); ++nr) {
    const std::size_t dot = std::min(text.find('.', at), text.size());
    const auto part = number(text.substr(at, dot - at));
    if (!part || *part >= 1000 || nr == parts.size()) return std::nullopt;
    parts[nr] = *part;
    at = dot + 1;
  }
  if (nr < 2) return std::nullopt;
  return KernelVersion{.major = parts[0], .minor = parts[1]};
}

std::expected<const Design*, std::string> design_of(std::string_view text) {
  if (const Design* d = find_design(text)) return d;
  if (const auto version = kernel_version(text)) {
    if (const Design* d = find_design_of_kernel(version->major, version->minor)) return d;
    return std::unexpected("kernel " + std::string(text) + " has no HVO: it began with 5.14");
  }
  std::string known;
  for (const Design& d : kDesigns) known += std::string(d.name) + ", ";
  return std::unexpected("unknown design '" + std::string(text) + "'; known: " + known +
                         "or a kernel version such as 6.12");
}

}  // namespace hvo
