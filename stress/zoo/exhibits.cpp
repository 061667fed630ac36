#include "stress/zoo/exhibits.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

namespace hvo::stress {

namespace {

std::string upper(std::string_view text) {
  std::string s(text);
  std::ranges::transform(s, s.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return s;
}

}  // namespace

std::span<const Exhibit> exhibits() {
  static const std::vector<Exhibit> all = [] {
    std::vector<Exhibit> rows(first_exhibits().begin(), first_exhibits().end());
    rows.insert(rows.end(), later_exhibits().begin(), later_exhibits().end());
    return rows;
  }();
  return all;
}

const Exhibit* find_exhibit(std::string_view name) {
  if (name.empty()) return nullptr;
  const std::string id = upper(name);
  const auto found =
      std::ranges::find_if(exhibits(), [&](const Exhibit& e) { return e.id == id || e.safeguard == name; });
  return found == exhibits().end() ? nullptr : &*found;
}

std::string_view known_exhibits() {
  static const std::string known = [] {
    std::string s = "Z1 to Z" + std::to_string(exhibits().size());
    for (const Exhibit& e : exhibits()) {
      if (!e.safeguard.empty()) s += ", " + std::string(e.safeguard);
    }
    return s;
  }();
  return known;
}

}  // namespace hvo::stress
