#include "bench/json.h"

#include <nlohmann/json.hpp>

namespace hvo::bench {

namespace {

using Json = nlohmann::ordered_json;

Json to(const Spread& s) {
  return {{"lower", s.lower}, {"median", s.median}, {"upper", s.upper}, {"samples", s.nr_samples}};
}
Json to(const std::optional<Spread>& s) { return s ? to(*s) : Json(nullptr); }

Json to(const LookupRow& row) {
  return {{"population", kind_name(row.lookup.kind)},
          {"pattern", pattern_name(row.lookup.pattern)},
          {"flow", flow_name(row.lookup.flow)},
          {"none_ns", to(row.none_ns)},
          {"none_again", to(row.again)},
          {"none_branch_free", to(row.branch_free)},
          {"fake_head_off", to(row.fake_head_off)},
          {"fake_head_on", to(row.fake_head_on)},
          {"fake_head_on_optimized", to(row.fake_head_optimized)},
          {row.lookup.kind == Kind::full ? "shared_tail_optimized" : "shared_tail", to(row.shared_tail)}};
}

Json to(const RatioRow& row, bool judges) {
  Json json{{"name", row.name}, {"what", row.what}, {"value", to(row.value)}};
  if (!row.goal) return json;
  json["goal"] = *row.goal;
  json["direction"] = row.at_most ? "at most" : "at least";
  if (row.host_scaling) json["host_scaling"] = *row.host_scaling;
  json["met"] = judges && row.is_judged() ? Json(row.is_met()) : Json(nullptr);
  return json;
}

Json to(const TableRow& row) { return {{"name", row.name}, {"ns", row.ns}, {"operations", row.operations}}; }

template <class Rows>
Json all(const Rows& rows) {
  Json json = Json::array();
  for (const auto& row : rows) json.push_back(to(row));
  return json;
}

Json to(const Scale& s) {
  return {{"hugepages", s.nr_hugepages},
          {"lookups", s.nr_lookups},
          {"folios", s.nr_folios},
          {"frames", s.nr_frames},
          {"bookkeeping_gib", s.bookkeeping_gib},
          {"rounds", s.nr_rounds}};
}

}  // namespace

std::string to_json(const Facts& facts, const Scale& scale, const std::vector<TableRow>& table,
                    const Summary* summary) {
  Json json;
  for (const auto& [name, value] : facts) json["environment"][name] = value;
  json["scale"] = to(scale);
  json["table"] = all(table);
  json["summary"] = nullptr;
  if (summary != nullptr) {
    json["summary"] = {{"rounds", summary->nr_rounds},
                       {"walks_per_lookup_tlb_hits", summary->walks_per_hit},
                       {"walks_per_lookup_tlb_misses", summary->walks_per_miss},
                       {"lookups", all(summary->lookups)},
                       {"interrupted", summary->is_partial},
                       {"ratios", Json::array()}};
    for (const RatioRow& row : summary->rows) json["summary"]["ratios"].push_back(to(row, summary->judges));
  }
  return json.dump(2) + "\n";
}

}  // namespace hvo::bench
