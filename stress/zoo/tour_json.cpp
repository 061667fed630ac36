#include "stress/zoo/tour_json.h"

#include <nlohmann/json.hpp>

#include "stress/version.h"
#include "stress/zoo/table.h"

namespace hvo::stress {

namespace {

using Json = nlohmann::ordered_json;

std::string_view end_name(Attempt::End end) {
  switch (end) {
    case Attempt::End::found: return "found";
    case Attempt::End::not_found: return "not found";
    case Attempt::End::failed: return "failed";
    case Attempt::End::interrupted: return "interrupted";
  }
  return "?";
}

Json attempts_json(const std::vector<Attempt>& attempts) {
  Json list = Json::array();
  for (const Attempt& a : attempts) {
    Json one{{"end", end_name(a.end)}, {"seconds", a.seconds}, {"tries", a.nr_tries}, {"command", a.command}};
    if (a.is_found()) one["by"] = a.by;
    if (a.nr_steps != 0) one["steps"] = a.nr_steps;
    if (!a.story.empty()) one["story"] = a.story;
    if (!a.why.empty()) one["why"] = a.why;
    list.push_back(std::move(one));
  }
  return list;
}

Json cell_json(const ZooCell& cell) {
  if (!cell.is_asked()) return {{"detector", way_name(cell.way)}, {"not_applicable", cell.not_applicable}};
  Json json{{"detector", way_name(cell.way)},
            {"found", nr_found(cell.attempts)},
            {"of", cell.attempts.size()},
            {"rules", detectors_of(cell.attempts)},
            {"false_alarms", nr_found(cell.controls)}};
  if (const auto times = times_of(cell.attempts)) {
    json["seconds"] = {{"least", times->least}, {"median", times->median}, {"most", times->most}};
  }
  json["attempts"] = attempts_json(cell.attempts);
  json["controls"] = attempts_json(cell.controls);
  return json;
}

Json row_json(const ZooRow& row) {
  const Exhibit& e = *row.exhibit;
  Json cells = Json::array();
  for (const ZooCell& cell : row.cells) cells.push_back(cell_json(cell));
  return {{"id", e.id},
          {"title", e.title},
          {"safeguard", e.safeguard},
          {"fix", e.fix},
          {"not_shown", e.why_not},
          {"own_machinery", e.own_machinery},
          {"caught", row.is_caught()},
          {"cells", std::move(cells)}};
}

}  // namespace

std::string tour_json(const Tour& tour, const std::string& command) {
  const Summary n = summary_of(tour);
  Json rows = Json::array();
  for (const ZooRow& row : tour.rows) rows.push_back(row_json(row));
  const Json json{{"tool", "hvo-stress"},
                  {"version", kVersion},
                  {"commit", kCommit},
                  {"command", command},
                  {"seeds", tour.nr_seeds},
                  {"limit", tour.limit},
                  {"seconds", tour.seconds},
                  {"cut", tour.is_cut},
                  {"interrupted", tour.is_interrupted},
                  {"rows_shown", n.nr_shown},
                  {"rows_caught", n.nr_caught},
                  {"rows_caught_in_10_s", n.nr_in_time},
                  {"rows_caught_by_own_machinery", n.nr_own},
                  {"false_alarms", tour.nr_false_alarms()},
                  {"failed", tour.nr_failed()},
                  {"control_seconds", tour.control_seconds()},
                  {"rows", std::move(rows)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace hvo::stress
