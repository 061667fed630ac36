#include "bench/compare/recording.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

namespace hvo::bench {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;

std::string_view extent_name(Extent extent) { return extent == Extent::quick ? "quick" : "all"; }

Json to(const Measured& m) {
  return {{"design", m.job.design},
          {"placement", m.job.placement},
          {"seed", m.job.seed},
          {"extent", extent_name(m.job.extent)},
          {"repetitions", m.job.repetitions},
          {"planted", m.job.plant},
          {"compiler", m.compiler},
          {"flags", m.flags},
          {"key", m.key},
          {"no_2M_pages", m.not_huge},
          {"ns", m.ns}};
}

Measured measured_from(const Json& json) {
  return {.job = {.design = json.at("design"),
                  .placement = json.at("placement"),
                  .seed = json.at("seed"),
                  .extent = json.at("extent") == "quick" ? Extent::quick : Extent::all,
                  .plant = json.at("planted"),
                  .repetitions = json.at("repetitions")},
          .compiler = json.at("compiler"),
          .flags = json.at("flags"),
          .key = json.at("key"),
          .not_huge = json.at("no_2M_pages"),
          .ns = json.at("ns").get<std::map<std::string, double>>()};
}

/// The nanoseconds of one process, or nothing.
const double* find(const Measured& m, const std::string& case_name, const std::string& cell) {
  const auto found = m.ns.find(cell_key(case_name, cell));
  return found == m.ns.end() ? nullptr : &found->second;
}

}  // namespace

std::vector<double> Recording::ratios(const std::string& case_name, const std::string& cell,
                                      std::string_view baseline) const {
  std::vector<double> ratios;
  for (const Measured& m : processes) {
    const double* const a = find(m, case_name, cell);
    const double* const b = find(m, case_name, std::string(baseline));
    if (a != nullptr && b != nullptr && *a > 0 && *b > 0) ratios.push_back(*a / *b);
  }
  return ratios;
}

std::vector<double> Recording::ns(const std::string& case_name, const std::string& cell) const {
  std::vector<double> ns;
  for (const Measured& m : processes) {
    if (const double* const x = find(m, case_name, cell); x != nullptr) ns.push_back(*x);
  }
  return ns;
}

std::vector<std::string> Recording::cells(const std::string& case_name) const {
  std::set<std::string> baselines;
  std::set<std::string> others;
  const std::string prefix = case_name + "|";
  for (const Measured& m : processes) {
    for (auto at = m.ns.lower_bound(prefix); at != m.ns.end() && at->first.starts_with(prefix); ++at) {
      const std::string cell = at->first.substr(prefix.size());
      (is_baseline(cell) ? baselines : others).insert(cell);
    }
  }
  std::vector<std::string> cells(baselines.begin(), baselines.end());
  cells.insert(cells.end(), others.begin(), others.end());
  return cells;
}

std::string to_line(const Measured& measured) { return to(measured).dump(); }

std::expected<Measured, std::string> from_line(const std::string& line) {
  try {
    return measured_from(Json::parse(line));
  } catch (const Json::exception& e) {
    return std::unexpected(std::string("a process printed something else than its result: ") + e.what());
  }
}

std::string to_json(const Recording& recording) {
  Json json;
  json["format"] = kFormat;
  for (const auto& [name, value] : recording.facts) json["environment"][name] = value;
  json["extent"] = extent_name(recording.extent);
  json["seed"] = recording.seed;
  json["interrupted"] = recording.is_partial;
  json["processes"] = Json::array();
  for (const Measured& m : recording.processes) json["processes"].push_back(to(m));
  return json.dump(1) + "\n";
}

std::expected<Recording, std::string> read_recording(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::unexpected("can't read " + path);
  try {
    const Json json = Json::parse(file);
    if (json.at("format") != kFormat) return std::unexpected(path + " was written by another version of hvo-bench");
    Recording recording{.facts = {},
                        .extent = json.at("extent") == "quick" ? Extent::quick : Extent::all,
                        .seed = json.at("seed"),
                        .processes = {},
                        .is_partial = json.at("interrupted")};
    for (const auto& [name, value] : json.at("environment").items()) recording.facts.emplace_back(name, value);
    for (const Json& process : json.at("processes")) recording.processes.push_back(measured_from(process));
    return recording;
  } catch (const Json::exception& e) {
    return std::unexpected(path + " is not a file that hvo-bench compare wrote: " + e.what());
  }
}

std::optional<Comparison> compare(const Recording& recording, const std::string& case_name, const std::string& cell,
                                  std::string_view baseline) {
  const auto ratios = recording.ratios(case_name, cell, baseline);
  const auto again = recording.ratios(case_name, std::string(baseline == kNone2M ? kAgain2M : kAgain4K), baseline);
  if (ratios.size() < kFewestProcesses || again.size() < kFewestProcesses) return std::nullopt;
  Comparison comparison{.ratio = interval_of(ratios), .again = interval_of(again), .judgement = {}};
  comparison.judgement = judge(comparison.ratio, comparison.again);
  return comparison;
}

std::string_view first_baseline(const Recording& recording, const std::string& case_name) {
  return recording.ns(case_name, std::string(kNone2M)).size() >= kFewestProcesses ? kNone2M : kNone4K;
}

}  // namespace hvo::bench
