#include "stress/zoo/ways.h"

#include <algorithm>

#include "stress/run_options.h"

namespace hvo::stress {

namespace {

constexpr std::array<std::string_view, kNrWays> kWayNames{"explore-sc", "explore-weak", "run", "host", "tsan"};

/// Why this way can't show it; empty: it can.
std::string_view why_not(const Exhibit& e, Way way) {
  if (!e.why_not.empty()) return e.why_not;
  if (!e.is_shown()) return "no program shows it";
  switch (way) {
    case Way::explore_sc:
      if (e.explore.empty()) return "exploring does not come to it";
      return e.memory == NeededMemory::weak ? "needs weak memory" : "";
    case Way::explore_weak: return e.explore.empty() ? "exploring does not come to it" : "";
    case Way::run: return e.run.empty() ? "threads of a run can't show it" : "";
    case Way::host:
      if (e.run.empty()) return "threads of a run can't show it";
      return e.host_mmu ? "" : "nothing that the host's MMU shows";
    case Way::tsan: return e.races ? "" : "no access is without an order: no data race";
  }
  return "";
}

bool explores(const Exhibit& e, Way way) {
  return way == Way::explore_sc || way == Way::explore_weak || (way == Way::tsan && !e.explore.empty());
}

}  // namespace

std::string_view way_name(Way way) { return kWayNames[static_cast<unsigned>(way)]; }

std::optional<Way> find_way(std::string_view name) {
  const auto* const found = std::ranges::find(kWayNames, name);
  if (found == kWayNames.end()) return std::nullopt;
  return static_cast<Way>(found - kWayNames.begin());
}

std::expected<Words, std::string> program_of(const Exhibit& e, Way way, Planted planted) {
  if (const auto why = why_not(e, way); !why.empty()) return std::unexpected(std::string(why));
  const bool is_explored = explores(e, way);
  Words words = split_words(is_explored ? e.explore : e.run);
  words.insert(words.begin(), is_explored ? "explore" : "run");
  if (planted == Planted::yes) {
    if (!e.safeguard.empty()) words = words + Words{"--without", std::string(e.safeguard)};
    words = words + split_words(e.plant);
  } else {
    words = words + split_words(e.control);
  }
  if (way == Way::explore_weak) words = words + Words{"--memory", "weak"};
  if (way == Way::host) words = words + Words{"--mmu", "host"};
  return words;
}

std::expected<Words, std::string> program_under(const Exhibit& e, Way way, Planted planted, std::string_view design) {
  // A bug that is a design's own is not put into another one.
  if (e.safeguard.empty() && has_option(split_words(e.plant), "--design")) {
    return std::unexpected("it is a known hole of another design");
  }
  auto words = program_of(e, way, planted);
  if (!words) return words;
  const std::string command = words->front();
  words->erase(words->begin());
  *words = with_option(std::move(*words), "--design", design);
  const auto accepted = command == "explore" ? check_explore(*words) : check_run(*words);
  if (!accepted) return std::unexpected(accepted.error());
  words->insert(words->begin(), command);
  return words;
}

}  // namespace hvo::stress
