#include "stress/explore/search/schedule_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "stress/numbers.h"
#include "stress/version.h"

namespace hvo::stress {

namespace {

constexpr int kScheduleFormat = 1;
constexpr std::array<std::string_view, 4> kEnds{"done", "violation", "deadlock", "endless"};

/// Decisions of 0, which are nearly all, are counted: "41 1 7 2" is 41 times 0, then 1, then 7 times 0, then 2.
std::string packed(std::span<const u8> decisions) {
  std::string s;
  u64 zeros = 0;
  for (const u8 d : decisions) {
    if (d == 0) {
      ++zeros;
      continue;
    }
    s += fmt::format("{}{} {}", s.empty() ? "" : " ", zeros, d);
    zeros = 0;
  }
  return s;
}

std::optional<std::vector<u8>> unpacked(std::string_view text) {
  constexpr u64 kMost = u64{1} << 24U;
  std::vector<u8> decisions;
  bool is_count = true;
  while (!text.empty()) {
    const auto blank = std::min(text.find(' '), text.size());
    const auto n = whole_number(text.substr(0, blank));
    if (!n || *n > (is_count ? kMost : 255)) return std::nullopt;
    if (is_count) {
      decisions.insert(decisions.end(), *n, 0);
    } else {
      decisions.push_back(static_cast<u8>(*n));
    }
    is_count = !is_count;
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  if (!is_count) return std::nullopt;
  return decisions;
}

}  // namespace

std::string schedule_text(const ScheduleFile& f) {
  const Witness& w = f.witness;
  nlohmann::ordered_json outcomes = nlohmann::ordered_json::object();
  for (const Outcome& o : kOutcomes) {
    if (w.outcomes.of(o.key) != 0) outcomes[std::string(o.name)] = w.outcomes.of(o.key);
  }
  const nlohmann::ordered_json json{{"hvolab_schedule", kScheduleFormat},
                                    {"version", kVersion},
                                    {"commit", kCommit},
                                    {"command", f.command},
                                    {"program", f.program},
                                    {"scenario", f.subject},
                                    {"start_state", fmt::format("{:016x}", f.start_hash)},
                                    {"strategy", strategy_text(w.strategy)},
                                    {"seed", w.seed},
                                    {"index", w.index},
                                    {"decisions", packed(w.decisions)},
                                    {"end", kEnds[static_cast<std::size_t>(w.end)]},
                                    {"steps", w.nr_steps},
                                    {"end_state", fmt::format("{:016x}", w.state_hash)},
                                    {"outcomes", outcomes}};
  return json.dump(2) + "\n";
}

std::expected<ScheduleFile, std::string> parse_schedule(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("hvolab_schedule")) {
    return std::unexpected("is no schedule: give a file that explore has written");
  }
  if (json["hvolab_schedule"] != kScheduleFormat) {
    return std::unexpected(
        fmt::format("is of format {}; this build reads format {}", json["hvolab_schedule"].dump(), kScheduleFormat));
  }
  try {
    ScheduleFile f;
    f.program = json.at("program").get<std::string>();
    f.command = json.at("command").get<std::string>();
    const auto start = hex_number(json.at("start_state").get<std::string>());
    const auto end_state = hex_number(json.at("end_state").get<std::string>());
    if (!start || !end_state) return std::unexpected("is damaged: start_state or end_state");
    f.start_hash = *start;
    f.witness.state_hash = *end_state;
    f.witness.seed = json.at("seed").get<u64>();
    f.witness.index = json.at("index").get<u64>();
    f.witness.nr_steps = json.at("steps").get<u32>();
    const auto strategy = parse_strategy(json.at("strategy").get<std::string>());
    const auto decisions = unpacked(json.at("decisions").get<std::string>());
    const auto end = std::ranges::find(kEnds, json.at("end").get<std::string>());
    if (!strategy || !decisions || end == kEnds.end()) return std::unexpected("is damaged: strategy, decisions or end");
    f.witness.strategy = *strategy;
    f.witness.decisions = *decisions;
    f.witness.end = static_cast<End>(end - kEnds.begin());
    for (const Outcome& o : kOutcomes) {
      const auto& outcomes = json.at("outcomes");
      if (outcomes.contains(std::string(o.name))) {
        f.witness.outcomes.count[static_cast<unsigned>(o.key)] = outcomes.at(std::string(o.name)).get<u64>();
      }
    }
    return f;
  } catch (const std::exception& e) {
    return std::unexpected(fmt::format("is damaged: {}", e.what()));
  }
}

}  // namespace hvo::stress
