#include "bench/savings/json.h"

#include <nlohmann/json.hpp>

namespace hvo::bench::savings {

namespace {

using Json = nlohmann::ordered_json;

Json to(const Resident& r) { return {{"frames", r.frames}, {"beside", r.beside}, {"total", r.total()}}; }
Json to(const std::optional<double>& n) { return n ? Json(*n) : Json(nullptr); }

Json to(const Row& row) {
  const Built& b = row.built;
  const u64 page = kGeometries[0].page_size();
  return {{"name", b.design->name},
          {"kernels", b.design->kernels},
          {"rounds", row.nr_rounds},
          {"hugepages", b.nr_hugepages},
          {"frames_mapped_before", b.mapped_before},
          {"frames_mapped", b.mapped},
          {"frames_saved", b.frames_saved()},
          {"shared_tail_frames", b.nr_shared_tails},
          {"struct_page_bytes_kept", b.mapped * page},
          {"struct_page_bytes_saved", b.frames_saved() * page},
          {"pte_pages", b.pte_pages},
          {"frames_given_back", b.given_back},
          {"resident_bytes_before", to(b.before)},
          {"resident_bytes_after", to(b.after)},
          {"boot_seconds", b.boot_seconds},
          {"pool_seconds", b.pool_seconds},
          {"give_back_seconds", b.give_back_seconds},
          {"hugepages_per_second", b.hugepages_per_second()},
          {"pool_seconds_to_none", to(row.pool_ratio)},
          {"total_seconds_to_none", to(row.total_ratio)},
          {"total_seconds_to_none_median_boot", to(row.steady_ratio)},
          {"violations", b.nr_violations}};
}

}  // namespace

std::string to_json(const Results& results, const Facts& facts, const std::string& command) {
  Json json;
  json["command"] = command;
  for (const auto& [name, value] : facts) json["environment"][name] = value;
  json["memory_bytes"] = results.plan.memory_bytes;
  json["hugepage_bytes"] = kGeometries[0].folio_bytes(results.plan.order);
  json["hugepages"] = results.plan.nr_hugepages();
  json["rounds"] = results.plan.nr_rounds;
  json["interrupted"] = results.is_interrupted;
  json["designs"] = Json::array();
  for (const Row& row : results.rows) json["designs"].push_back(to(row));
  json["claim"] = nullptr;
  if (const auto claim = results.claim()) {
    json["claim"] = {{"from", kClaimFrom},
                     {"to", kClaimTo},
                     {"more_bytes_expected", claim->expected},
                     {"more_bytes_counted", claim->counted},
                     {"more_bytes_measured", claim->measured}};
  }
  return json.dump(2) + "\n";
}

}  // namespace hvo::bench::savings
