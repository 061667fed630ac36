#include "bench/report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <sstream>

#include "bench/compare/table.h"
#include "bench/report/explored.h"
#include "bench/stats.h"
#include "core/hvo/design_names.h"
#include "core/hvo/savings.h"

namespace hvo::bench {

namespace {

using Json = nlohmann::ordered_json;

constexpr double kGib = 1024.0 * 1024 * 1024;

std::expected<Json, std::string> read_json(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::unexpected("can't read " + path);
  Json json = Json::parse(file, nullptr, false);
  if (json.is_discarded()) return std::unexpected(path + " is no JSON");
  return json;
}

/// The lookup rows of a design: which arm, in which case.
struct LookupRow {
  std::string_view title;
  std::string case_name;
  std::string arm;
};
std::vector<LookupRow> lookup_rows(const Design& design, std::string_view flow) {
  const std::string head = "compound_head/hugepages/hot-head/" + std::string(flow);
  const std::string page = "compound_head/pages/hot-head/" + std::string(flow);
  const std::string tail = "compound_head/hugepages/hot-tail/" + std::string(flow);
  const std::string name(design.encoding == EncodingKind::fake_head ? "fake-head" : design.name);
  if (!design.optimizes()) return {};
  if (design.encoding == EncodingKind::fake_head) {
    return {{"off", head, name + "/off"},
            {"on, not page-aligned", page, name + "/on"},
            {"on, page-aligned head", head, name + "/all"},
            {"on, tails", tail, name + "/all"}};
  }
  return {{"heads", head, name + "/all"}, {"not a hugepage", page, name + "/on"}, {"tails", tail, name + "/all"}};
}

std::string lookup_line(const Recording& recording, const LookupRow& row) {
  const std::string_view baseline = first_baseline(recording, row.case_name);
  for (const char* const pages : {"@2M", "@4K"}) {
    const std::string cell = row.arm + pages;
    const auto c = compare(recording, row.case_name, cell, baseline);
    if (!c) continue;
    const double ns = quantile(recording.ns(row.case_name, cell), 0.5);
    return fmt::format("  {:<22}{:>6.2f} ns {:>7.1f} % [{:>+6.1f}, {:>+6.1f}] +-{:.1f}\n", row.title, ns,
                       100 * (c->ratio.ratio - 1), 100 * (c->ratio.lower - 1), 100 * (c->ratio.upper - 1),
                       100 * c->judgement.noise);
  }
  return fmt::format("  {:<22}too few processes\n", row.title);
}

std::string lookups_of(const Recording& recording, const Design& design) {
  std::string text;
  for (const std::string_view flow : {"chain", "stream"}) {
    const auto rows = lookup_rows(design, flow);
    if (rows.empty()) continue;
    text += fmt::format("  {}, {}\n", design.name, flow == "chain" ? "latency in a chain" : "throughput of a stream");
    for (const LookupRow& row : rows) text += lookup_line(recording, row);
  }
  return text;
}

/// Whether a known hole was met: in the parallel run, in what was explored, and by which steps.
std::string hole_text(const Json& hole, std::span<const ExploredPair> explored) {
  const auto operation = hole.at("operation").get<std::string>();
  const auto nr_met = hole.at("count").get<u64>();
  std::string text = fmt::format("  known hole, {}: ", operation);
  text += nr_met == 0 ? "not met in the run" : fmt::format("met {} times in the run", nr_met);
  const ExploredPair* const where = find_hole(explored, operation);
  if (where != nullptr) {
    text += fmt::format(", in {} of the schedules of {}", times_met(*where, operation),
                        where->at("scenario").get<std::string>());
  } else if (!explored.empty()) {
    text += ", in none of the schedules";
  }
  if (nr_met != 0 || where != nullptr) text += "; fix: " + hole.at("fixed_by").get<std::string>();
  return wrapped(text, 4) + (where != nullptr && tells_of(*where, operation) ? story_text(*where) : "");
}

std::string protocol(const Json& stress, std::span<const ExploredPair> explored) {
  const Json& config = stress.at("config");
  std::string text = wrapped(fmt::format("  {} operations of scenario {} in {:.0f} s, {} simulated CPUs, {} rounds: {}",
                                         stress.at("operations").get<u64>(), config.at("scenario").get<std::string>(),
                                         stress.at("seconds").get<double>(), config.at("cpus").get<u64>(),
                                         stress.at("rounds").get<u64>(), stress.at("verdict").get<std::string>()),
                             4);
  for (const Json& outcome : stress.at("outcomes")) {
    if (outcome.at("count").get<u64>() == 0) continue;
    text += fmt::format("  {:>12}  {:<12} {}\n", outcome.at("count").get<u64>(), outcome.at("grade").get<std::string>(),
                        outcome.at("key").get<std::string>());
  }
  for (const ExploredPair& e : explored) text += wrapped("  " + explored_text(e), 4);
  for (const Json& hole : stress.at("known_holes")) text += hole_text(hole, explored);
  return text;
}

std::string savings_text(const Json& savings) {
  const double memory = savings.at("memory_bytes").get<double>();
  const double per_tib = static_cast<double>(kTib) / memory;
  std::string text = fmt::format("  measured on a pool of {:.0f} GiB, scaled to 1 TiB\n", memory / kGib);
  for (const Json& design : savings.at("designs")) {
    const double saved = design.at("struct_page_bytes_saved").get<double>() * per_tib / kGib;
    const double resident = design.at("resident_bytes_after").at("total").get<double>() * per_tib / kGib;
    text += fmt::format("  {:<18}{:>7.3f} GiB saved {:>8.3f} GiB resident\n", design.at("name").get<std::string>(),
                        saved, resident);
  }
  return text;
}

std::string environment_text(const Recording& recording) {
  std::string text;
  for (const char* const wanted : {"cpu", "cores", "smt", "kernel", "governor"}) {
    const auto fact = std::ranges::find(recording.facts, wanted, &Facts::value_type::first);
    if (fact == recording.facts.end()) continue;
    text += fmt::format("{}{} {}", text.empty() ? "  " : "; ", fact->first, fact->second);
  }
  if (!recording.processes.empty()) text += fmt::format("; lookups built by {}", recording.processes[0].compiler);
  return wrapped(text, 2);
}

}  // namespace

std::string wrapped(const std::string& text, std::size_t indent, std::size_t columns) {
  std::string result;
  std::string line = text.substr(0, text.find_first_not_of(' '));
  bool is_fresh = true;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!is_fresh && line.size() + 1 + word.size() > columns) {
      result += line + "\n";
      line = std::string(indent, ' ');
      is_fresh = true;
    }
    line += (is_fresh ? "" : " ") + word;
    is_fresh = false;
  }
  return result + line + "\n";
}

std::expected<std::string, std::string> make_report(const ReportSources& sources) {
  const auto chosen = design_of(sources.design);
  if (!chosen) return std::unexpected(chosen.error());
  const Design* const design = *chosen;
  const Design* against = nullptr;
  if (!sources.against.empty()) {
    const auto other = design_of(sources.against);
    if (!other) return std::unexpected(other.error());
    against = *other;
  }
  const auto stress = read_json(sources.stress_path);
  if (!stress) return std::unexpected(stress.error());
  std::vector<ExploredPair> explored;
  for (const std::string& path : sources.explored_paths) {
    auto e = read_json(path);
    if (!e) return std::unexpected(e.error());
    explored.push_back(std::move(*e));
  }
  const auto recording = read_recording(sources.compare_path);
  if (!recording) return std::unexpected(recording.error());
  try {
    std::string text = wrapped(fmt::format("hvolab {} {}: {}, kernels {}", stress->at("version").get<std::string>(),
                                           stress->at("commit").get<std::string>(), design->name, design->kernels),
                               2);
    text += "\nProtocol\n" + protocol(*stress, explored);
    text += "\nLookup: ns; change to a kernel without HVO, its 95 % interval, noise\n";
    text += lookups_of(*recording, *design);
    if (against != nullptr) text += lookups_of(*recording, *against);
    text += "  2021, off: 2.11 ns; on: +20 %; on, page-aligned: +40 %; tails: 0 %\n";
    if (!sources.savings_path.empty()) {
      const auto savings = read_json(sources.savings_path);
      if (!savings) return std::unexpected(savings.error());
      text += "\nMemory of struct pages\n" + savings_text(*savings);
    }
    text += "\nOn\n" + environment_text(*recording);
    text += "Again\n" + wrapped("  " + sources.command, 4);
    return text;
  } catch (const Json::exception& e) {
    return std::unexpected(
        fmt::format("{} or another file beside it is of another version: {}", sources.stress_path, e.what()));
  }
}

}  // namespace hvo::bench
