#include "stress/explore/search/search_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "stress/numbers.h"
#include "stress/version.h"

namespace hvo::stress {

namespace {

constexpr int kSearchFormat = 2;
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

/// Nothing when these are no decisions.
std::optional<std::vector<DepthFirst::Decision>> decisions_of(const nlohmann::json& flat) {
  std::vector<DepthFirst::Decision> decisions;
  for (std::size_t i = 0; i + 2 < flat.size(); i += 3) {
    decisions.push_back({flat[i].get<u8>(), flat[i + 1].get<u8>(), flat[i + 2].get<u8>()});
    if (decisions.back().chosen >= decisions.back().nr_alternatives) return std::nullopt;
  }
  if (flat.size() % 3 != 0) return std::nullopt;
  return decisions;
}

constexpr std::array<std::string_view, 3> kProgress{"not begun", "begun", "exhausted"};

std::optional<DepthFirstPart> part_of(const nlohmann::json& json) {
  const auto progress = std::ranges::find(kProgress, json.at("progress").get<std::string>());
  auto decisions = decisions_of(json.at("decisions"));
  if (progress == kProgress.end() || !decisions) return std::nullopt;
  return DepthFirstPart{static_cast<DepthFirstPart::Progress>(progress - kProgress.begin()), std::move(*decisions)};
}

Json counted_json(const Counted& c) {
  return {{"outcomes", c.outcomes.count},
          {"holes", c.outcomes.holes},
          {"events", c.events.v},
          {"schedules", c.nr_schedules},
          {"steps", c.nr_steps},
          {"steps_taken", c.nr_steps_taken},
          {"witnesses", c.nr_witnesses},
          {"checked", c.nr_checked},
          {"undetermined", c.nr_undetermined},
          {"ends", c.ends},
          {"seconds", c.seconds}};
}

Counted counted_of(const nlohmann::json& json) {
  Counted c;
  json.at("outcomes").get_to(c.outcomes.count);
  json.at("holes").get_to(c.outcomes.holes);
  json.at("events").get_to(c.events.v);
  json.at("schedules").get_to(c.nr_schedules);
  json.at("steps").get_to(c.nr_steps);
  json.at("steps_taken").get_to(c.nr_steps_taken);
  json.at("witnesses").get_to(c.nr_witnesses);
  json.at("checked").get_to(c.nr_checked);
  json.at("undetermined").get_to(c.nr_undetermined);
  json.at("ends").get_to(c.ends);
  json.at("seconds").get_to(c.seconds);
  return c;
}

}  // namespace

void Counted::add(const Counted& part) {
  outcomes += part.outcomes;
  events += part.events;
  nr_schedules += part.nr_schedules;
  nr_steps += part.nr_steps;
  nr_steps_taken += part.nr_steps_taken;
  nr_witnesses += part.nr_witnesses;
  nr_checked += part.nr_checked;
  nr_undetermined += part.nr_undetermined;
  for (std::size_t i = 0; i < ends.size(); ++i) ends[i] += part.ends[i];
}

std::string state_text(const SearchState& s) {
  Json parts = Json::array();
  for (const DepthFirstPart& part : s.parts) {
    parts.push_back({{"progress", kProgress[static_cast<std::size_t>(part.progress)]},
                     {"decisions", decisions_json(part.decisions)}});
  }
  return Json{{"hvolab_search", kSearchFormat},
              {"version", kVersion},
              {"commit", kCommit},
              {"program", s.program},
              {"start_state", fmt::format("{:016x}", s.start_hash)},
              {"strategy", s.strategy},
              {"workers", s.nr_workers},
              {"reduced", s.reduced},
              {"next_index", s.next_index},
              {"bound", s.bound},
              {"has_learned", s.has_learned},
              {"parts", parts},
              {"footprints", s.footprints},
              {"counted", counted_json(s.counted)},
              {"states", s.states}}
             .dump() +
         "\n";
}

std::expected<SearchState, std::string> parse_state(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("hvolab_search")) {
    return std::unexpected("is no search that was broken off: give a file that explore --resume has written");
  }
  if (json["hvolab_search"] != kSearchFormat) {
    return std::unexpected(
        fmt::format("is of format {}; this build reads format {}", json["hvolab_search"].dump(), kSearchFormat));
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
    const auto start = hex_number(json.at("start_state").get<std::string>());
    if (!start) return std::unexpected("is damaged: start_state");
    s.start_hash = *start;
    for (const auto& worker : json.at("parts")) {
      auto part = part_of(worker);
      if (!part) return std::unexpected("is damaged: parts");
      s.parts.push_back(std::move(*part));
    }
    s.footprints = json.at("footprints").get<std::vector<std::pair<u32, u16>>>();
    s.counted = counted_of(json.at("counted"));
    s.states = json.at("states").get<std::vector<u64>>();
    return s;
  } catch (const std::exception& e) {
    return std::unexpected(fmt::format("is damaged: {}", e.what()));
  }
}

}  // namespace hvo::stress
