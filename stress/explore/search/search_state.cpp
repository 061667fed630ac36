#include "stress/explore/search/search_state.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "stress/version.h"

namespace hvo::stress {

namespace {

constexpr int kFormat = 1;
using Json = nlohmann::ordered_json;

/// Chosen, alternatives and kind of each, flat.
Json decisions_json(const std::vector<DepthFirst::Decision>& decisions) {
  Json flat = Json::array();
  for (const DepthFirst::Decision& d : decisions) {
    flat.push_back(d.chosen);
    flat.push_back(d.nr_alternatives);
    flat.push_back(d.is_preemptible);
  }
  return flat;
}

std::vector<DepthFirst::Decision> decisions_of(const nlohmann::json& flat) {
  std::vector<DepthFirst::Decision> decisions;
  for (std::size_t i = 0; i + 2 < flat.size(); i += 3) {
    decisions.push_back({flat[i].get<u8>(), flat[i + 1].get<u8>(), flat[i + 2].get<u8>()});
  }
  return decisions;
}

}  // namespace

std::string state_text(const SearchState& s) {
  Json decisions = Json::array();
  for (const auto& worker : s.decisions) decisions.push_back(decisions_json(worker));
  return Json{{"hvolab_search", kFormat},
              {"version", kVersion},
              {"commit", kCommit},
              {"program", s.program},
              {"strategy", s.strategy},
              {"workers", s.nr_workers},
              {"reduced", s.reduced},
              {"next_index", s.next_index},
              {"bound", s.bound},
              {"has_learned", s.has_learned},
              {"decisions", decisions},
              {"footprints", s.footprints},
              {"outcomes", s.outcomes.count},
              {"holes", s.outcomes.holes},
              {"events", s.events.v},
              {"schedules", s.nr_schedules},
              {"steps", s.nr_steps},
              {"seconds", s.seconds},
              {"states", s.states}}
             .dump() +
         "\n";
}

std::expected<SearchState, std::string> parse_state(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("hvolab_search")) {
    return std::unexpected("is no search that was broken off: give a file that explore --resume has written");
  }
  if (json["hvolab_search"] != kFormat) {
    return std::unexpected(
        fmt::format("is of format {}; this build reads format {}", json["hvolab_search"].dump(), kFormat));
  }
  try {
    SearchState s;
    s.program = json.at("program").get<std::string>();
    s.strategy = json.at("strategy").get<std::string>();
    s.nr_workers = json.at("workers").get<u32>();
    s.reduced = json.at("reduced").get<bool>();
    s.next_index = json.at("next_index").get<u64>();
    s.bound = json.at("bound").get<u32>();
    s.has_learned = json.at("has_learned").get<bool>();
    for (const auto& worker : json.at("decisions")) s.decisions.push_back(decisions_of(worker));
    s.footprints = json.at("footprints").get<std::vector<std::pair<u32, u16>>>();
    s.outcomes.count = json.at("outcomes").get<decltype(s.outcomes.count)>();
    s.outcomes.holes = json.at("holes").get<decltype(s.outcomes.holes)>();
    s.events.v = json.at("events").get<decltype(s.events.v)>();
    s.nr_schedules = json.at("schedules").get<u64>();
    s.nr_steps = json.at("steps").get<u64>();
    s.seconds = json.at("seconds").get<double>();
    s.states = json.at("states").get<std::vector<u64>>();
    return s;
  } catch (const std::exception& e) {
    return std::unexpected(fmt::format("is damaged: {}", e.what()));
  }
}

}  // namespace hvo::stress
