#include "stress/report/designs.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/hvo/savings.h"
#include "stress/pools.h"
#include "stress/report/text.h"

namespace hvo::stress {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kWidth = 100;
constexpr double kGib = 1 << 30;
/// Vmemmap pages of a 2 MiB and a 1 GiB hugepage.
constexpr std::array<u64, 2> kShown{8, 4096};

std::string_view tails_text(Tails tails) {
  switch (tails) {
    case Tails::own: return "own frames";
    case Tails::second_frame: return "second frame";
    case Tails::head_frame: return "head's frame";
    case Tails::shared: return "a shared frame";
  }
  return "?";
}

/// Tiny geometries are nobody's machine: they save nothing in a TiB.
bool is_real(const Geometry& g) { return g.page_size() >= 4096; }

/// Designs that keep the same number of frames of a folio save the same.
struct SavingGroup {
  const Design* design = nullptr;  ///< any of them
  std::string name;
};
std::vector<SavingGroup> saving_groups() {
  std::vector<SavingGroup> groups;
  for (const Design& d : kDesigns) {
    if (!d.optimizes()) continue;
    const auto same = std::ranges::find_if(
        groups, [&d](const SavingGroup& g) { return g.design->nr_kept_pages() == d.nr_kept_pages(); });
    if (same == groups.end()) {
      groups.push_back({&d, std::string(d.name)});
    } else {
      same->name = "others";
    }
  }
  return groups;
}

std::string table_of_designs(std::span<const DesignFacts> all) {
  std::string s = "designs\n  name               kernels      tails map       of 8  of 4096  walkers are kept off by\n";
  for (const DesignFacts& f : all) {
    const Design& d = *f.design;
    s += fmt::format("  {:<17}  {:<11}  {:<14}  {:>4}  {:>7}  {}\n", d.name, d.kernels, tails_text(d.tails),
                     d.frames_kept(kShown[0]), d.frames_kept(kShown[1]), d.walker_protection);
  }
  return s + "  of 8, of 4096: frames that a hugepage of so many vmemmap pages keeps (2 MiB, 1 GiB on x86-64)\n";
}

std::string table_of_lookups(std::span<const DesignFacts> all) {
  constexpr std::array<std::string_view, kLookedUp.size()> kHeads{"head", "head*", "tail", "tail*", "page", "page*"};
  std::string s =
      "\nloads (counted by running it) / branches (read from the source) of one compound_head()\n  name             ";
  for (const std::string_view head : kHeads) s += fmt::format("  {:>7}", head);
  s += "\n";
  for (const DesignFacts& f : all) {
    s += fmt::format("  {:<17}", f.design->name);
    for (const LookupCost& c : f.lookups) s += fmt::format("  {:>7}", fmt::format("{} / {}", c.loads, c.branches));
    s += "\n";
  }
  return s + wrapped(
                 "* at the start of a page of vmemmap: the head of every hugepage; of its tails one in each page, a "
                 "fake head "
                 "in the designs that have such. Page: of no compound. Branches: one for each test that the source "
                 "makes; a compiler may turn it into a conditional move. A static key's jump is neither.",
                 2, kWidth);
}

std::string table_of_savings() {
  const std::vector<SavingGroup> groups = saving_groups();
  std::string s = "\nsaved per TiB of hugepages, GiB\n  geometry   hugepage  vmemmap pages";
  for (const SavingGroup& group : groups) s += fmt::format("  {:>10}", group.name);
  s += "  of vmemmap\n";
  for (const Geometry& g : kGeometries) {
    if (!is_real(g)) continue;
    for (const Order order : huge_orders(g)) {
      const double pages = static_cast<double>(g.vmemmap_size(order)) / static_cast<double>(g.page_size());
      s += fmt::format("  {:<9}  {:>8}  {:>13.4g}", g.name, size_name(g.folio_bytes(order)), pages);
      for (const SavingGroup& group : groups) {
        s += fmt::format("  {:>10.3f}", static_cast<double>(saved_per_tib(g, order, *group.design)) / kGib);
      }
      s += fmt::format("  {:>10}\n", static_cast<double>(vmemmap_per_tib(g)) / kGib);
    }
  }
  s += wrapped(
      fmt::format(
          "To be taken off: {} MiB per TiB of page tables once every PMD of x86-64's vmemmap is split, and under "
          "shared-tail one page per zone and hugepage size.",
          page_tables_per_tib(kGeometries[0]) >> 20),
      2, kWidth);
  return s;
}

/// Designs that share their holes are named together.
std::string list_of_holes() {
  std::string s = "\nknown holes\n";
  for (std::size_t i = 0; i < kDesigns.size();) {
    const std::span<const KnownHole> holes = kDesigns[i].holes;
    std::string names(kDesigns[i].name);
    for (++i; i < kDesigns.size() && !holes.empty() && kDesigns[i].holes.data() == holes.data(); ++i) {
      names += ", " + std::string(kDesigns[i].name);
    }
    if (!holes.empty()) s += "  " + names + "\n";
    for (const KnownHole& h : holes) {
      s += fmt::format("    {}, {}: {}{}\n", rule_name(h.rule), op_name(h.op), h.fixed_by == kOpen ? "" : "closed by ",
                       h.fixed_by);
      s += wrapped(h.why, 8, kWidth);
    }
  }
  return s;
}

std::string list_of_unbroken_makes(std::span<const DesignFacts> all) {
  std::string s = "\nbreak-before-make (arm64, s390): entries replaced while valid, by a pool on a small machine\n";
  for (const DesignFacts& f : all) {
    std::string found;
    for (const UnbrokenMake& u : f.unbroken_makes) {
      found += fmt::format("{}{} {}", found.empty() ? "" : ", ", op_name(u.op), u.times);
    }
    s += fmt::format("  {:<17}  {}\n", f.design->name, found.empty() ? "none: the rule is kept" : found);
  }
  return s;
}

Json lookups_json(const DesignFacts& f) {
  Json lookups = Json::object();
  for (const LookedUpKind& kind : kLookedUp) {
    const LookupCost& c = f.lookups[static_cast<std::size_t>(kind.kind)];
    lookups[std::string(kind.name)] = {
        {"loads", c.loads}, {"branches_in_source", c.branches}, {"static_keys", c.key_tests}};
  }
  return lookups;
}

Json design_json(const DesignFacts& f) {
  const Design& d = *f.design;
  Json holes = Json::array();
  for (const KnownHole& h : d.holes) {
    holes.push_back(
        {{"rule", rule_name(h.rule)}, {"operation", op_name(h.op)}, {"fixed_by", h.fixed_by}, {"why", h.why}});
  }
  Json broken = Json::array();
  for (const UnbrokenMake& u : f.unbroken_makes) broken.push_back({{"operation", op_name(u.op)}, {"times", u.times}});
  return {{"name", d.name},
          {"kernels", d.kernels},
          {"tails_map", tails_text(d.tails)},
          {"encoding", encoding_name(d.encoding)},
          {"walker_protection", d.walker_protection},
          {"frames_kept", {{"of_8", d.frames_kept(kShown[0])}, {"of_4096", d.frames_kept(kShown[1])}}},
          {"lookups", lookups_json(f)},
          {"known_holes", holes},
          {"break_before_make_broken_by", broken}};
}

Json savings_json() {
  Json list = Json::array();
  for (const Geometry& g : kGeometries) {
    if (!is_real(g)) continue;
    for (const Order order : huge_orders(g)) {
      Json row{{"geometry", g.name},
               {"hugepage", size_name(g.folio_bytes(order))},
               {"vmemmap_bytes", g.vmemmap_size(order)},
               {"vmemmap_bytes_per_tib", vmemmap_per_tib(g)},
               {"optimizable", g.is_optimizable(order)},
               {"saved_bytes_per_tib", Json::object()}};
      for (const Design& d : kDesigns) row["saved_bytes_per_tib"][std::string(d.name)] = saved_per_tib(g, order, d);
      list.push_back(row);
    }
  }
  return list;
}

}  // namespace

std::string designs_text(std::span<const DesignFacts> all) {
  return table_of_designs(all) + table_of_lookups(all) + table_of_savings() + list_of_holes() +
         list_of_unbroken_makes(all);
}

std::string designs_json(std::span<const DesignFacts> all) {
  Json designs = Json::array();
  for (const DesignFacts& f : all) designs.push_back(design_json(f));
  return Json{{"designs", designs}, {"savings", savings_json()}}.dump(2) + "\n";
}

}  // namespace hvo::stress
