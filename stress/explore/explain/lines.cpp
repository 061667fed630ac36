#include "stress/explore/explain/lines.h"

#include <algorithm>

namespace hvo::stress {

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string padded(std::string text, std::size_t width) {
  const std::size_t now = width_of(text);
  if (now < width) text.append(width - now, ' ');
  return text;
}

std::vector<std::string> lines_of_width(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  std::string line;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string_view word = text.substr(at, end - at);
    if (!line.empty() && width_of(line) + 1 + width_of(word) > width) {
      lines.push_back(std::move(line));
      line = "  ";
    } else if (at != 0) {
      line += ' ';
    }
    line += word;
    at = end + 1;
  }
  lines.push_back(std::move(line));
  return lines;
}

std::string shortened(std::string_view name, std::size_t width) {
  if (name.size() <= width || width == 0) return std::string(name);
  return "…" + std::string(name.substr(name.size() - width + 1));
}

}  // namespace hvo::stress
