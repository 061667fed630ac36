#include "bench/compare/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "bench/stats.h"

namespace hvo::bench {

namespace {

/// The cell of this name over the host pages that the case's first baseline has.
struct Found {
  std::string cell;
  std::string_view baseline;
  Comparison comparison;
};

/// `arm` over 2 MiB pages, where there are such, else over 4 KiB ones. Against the first baseline.
std::optional<Found> find(const Recording& recording, const std::string& case_name, const std::string& arm) {
  const std::string_view baseline = first_baseline(recording, case_name);
  for (const char* const pages : {"@2M", "@4K"}) {
    const std::string cell = arm + pages;
    if (auto comparison = compare(recording, case_name, cell, baseline)) {
      return Found{.cell = cell, .baseline = baseline, .comparison = *comparison};
    }
  }
  return std::nullopt;
}

std::string median_ns(const Recording& recording, const std::string& case_name, const std::string& cell) {
  const auto ns = recording.ns(case_name, cell);
  return ns.empty() ? "-" : fmt::format("{:.2f}", quantile(ns, 0.5));
}

/// How often a design had a process of its own.
std::string processes_text(const Recording& recording) {
  std::string text;
  for (const std::string_view design : compared_designs()) {
    const auto n =
        std::ranges::count_if(recording.processes, [&](const Measured& m) { return m.job.design == design; });
    if (n != 0) text += fmt::format("{}{} about {}", text.empty() ? "" : ", ", n, design);
  }
  return text;
}

/// "same +-1.4", in percent; the noise stands beside it.
std::string short_text(const Judgement& j) {
  if (j.verdict != Verdict::same) return std::string(verdict_name(j.verdict));
  return fmt::format("same +-{:.1f}", 100 * std::max(j.within, j.noise));
}

void print_headline_row(std::FILE* out, const Recording& recording, const HeadlineRow& row) {
  const auto found = find(recording, row.case_name, row.cell);
  if (!found) {
    fmt::print(out, "{:<20} too few processes\n", row.title);
    return;
  }
  const Comparison& c = found->comparison;
  fmt::print(out, "{:<20} {:>5} {:>5} {:.3f} [{:.3f}, {:.3f}] {:>6.1f} {}\n", row.title,
             median_ns(recording, row.case_name, std::string(found->baseline)),
             median_ns(recording, row.case_name, found->cell), c.ratio.ratio, c.ratio.lower, c.ratio.upper,
             100 * c.judgement.noise, short_text(c.judgement));
}

void print_case(std::FILE* out, const Recording& recording, const std::string& case_name) {
  fmt::print(out, "\n{}\n", case_name);
  for (const std::string& cell : recording.cells(case_name)) {
    std::string against;
    for (const std::string_view baseline : {kNone2M, kNone4K}) {
      if (cell == baseline) continue;
      const auto c = compare(recording, case_name, cell, baseline);
      against += c ? fmt::format("  {:>6.3f} ±{:>5.1f} % {:<11}", c->ratio.ratio,
                                 100 * (c->ratio.upper / c->ratio.ratio - 1), verdict_name(c->judgement.verdict))
                   : fmt::format("  {:>27}", "");
    }
    while (against.ends_with(' ')) against.pop_back();
    fmt::print(out, "  {:<24} {:>8} ns{}\n", cell, median_ns(recording, case_name, cell), against);
  }
}

void print_rows(std::FILE* out, const Recording& recording, const std::vector<HeadlineRow>& rows) {
  std::string_view flow;
  for (const HeadlineRow& row : rows) {
    const std::string_view this_flow = std::string_view(row.case_name).substr(row.case_name.rfind('/') + 1);
    if (this_flow != flow) {
      flow = this_flow;
      fmt::print(out, "\n{:<20} {:>5} {:>5} ratio [95 %]         noise% verdict\n",
                 flow == "chain" ? "latency, a chain" : "throughput, a stream", "none", "this");
    }
    print_headline_row(out, recording, row);
  }
}

/// Names of the cases that were measured, in the order of cases_of().
std::vector<std::string> case_names(const Recording& recording) {
  std::vector<std::string> names;
  for (const Case& c : cases_of(recording.extent)) {
    if (!recording.cells(c.name()).empty()) names.push_back(c.name());
  }
  return names;
}

}  // namespace

std::string interval_text(const Interval& i) {
  return fmt::format("{:.3f} [{:.3f}, {:.3f}]", i.ratio, i.lower, i.upper);
}

std::string judgement_text(const Judgement& j) {
  switch (j.verdict) {
    case Verdict::same: return fmt::format("same within {:.1f} %", 100 * std::max(j.within, j.noise));
    case Verdict::cannot_tell: return fmt::format("cannot tell (noise {:.1f} %)", 100 * j.noise);
    case Verdict::cheaper:
    case Verdict::dearer: return std::string(verdict_name(j.verdict));
  }
  return "?";
}

bool can_tell(const Recording& recording) {
  return std::ranges::all_of(headline(), [&](const HeadlineRow& row) {
    const auto found = find(recording, row.case_name, row.cell);
    return found && found->comparison.judgement.verdict != Verdict::cannot_tell;
  });
}

void print_headline(std::FILE* out, const Recording& recording) {
  fmt::print(out, "compound_head(), ns a lookup, ratio to a kernel without HVO\n");
  print_rows(out, recording, headline());
  const bool is_planted = std::ranges::any_of(recording.processes, [](const Measured& m) { return m.job.plant; });
  if (is_planted) {
    fmt::print(out, "\nControls: one copy of the baseline more, and an arm that does 3 % more\n");
    print_rows(out, recording, control_rows());
  }
  fmt::print(out,
             "\nnoise%: how far two identical baselines lie apart at most.\n"
             "2021: 2.11 ns off; 2.54 (+20 %) on; 2.97 (+40 %) on and page-aligned;\n"
             "tails unchanged.\n");
}

void print_cases(std::FILE* out, const Recording& recording) {
  fmt::print(out,
             "\nEvery case: median ns a lookup; its ratio to none@2M, then to none@4K, ± the 95 % interval\n"
             "  @2M, @4K: the host's pages under struct pages that are not optimised\n"
             "  off: key off; on: key on, these hugepages not optimised; half, all: optimised ones\n");
  std::set<Walk> walks;
  for (const Case& c : cases_of(recording.extent)) {
    if (walks.insert(c.walk).second) fmt::print(out, "  {}: {}\n", walk_name(c.walk), walk_meaning(c.walk));
  }
  for (const std::string& name : case_names(recording)) print_case(out, recording, name);
}

void print_protocol(std::FILE* out, const Recording& recording) {
  std::set<std::string> placements;
  for (const Measured& m : recording.processes) placements.insert(m.job.placement);
  fmt::print(out, "\nprocesses:\n  {}\n", processes_text(recording));
  const auto nr_quick =
      std::ranges::count_if(recording.processes, [](const Measured& m) { return m.job.extent == Extent::quick; });
  if (recording.extent == Extent::all && nr_quick != 0) {
    fmt::print(out, "  of these {} measured the headline alone, {} all cases\n", nr_quick,
               static_cast<std::ptrdiff_t>(recording.processes.size()) - nr_quick);
  }
  fmt::print(out, "{} placements of the code, seed {}{}\n", placements.size(), recording.seed,
             recording.is_partial ? "; interrupted" : "");
  if (!recording.processes.empty()) {
    const Measured& m = recording.processes.front();
    fmt::print(out, "kernels built by {}\nstatic key: {}\n", m.compiler, m.key);
  }
  const auto is_not_huge = [](const Measured& m) { return !m.not_huge.empty(); };
  const auto nr_not_huge = std::ranges::count_if(recording.processes, is_not_huge);
  if (nr_not_huge != 0) {
    fmt::print(out, "no baseline in 2 MiB pages in {} of {} processes:\n  {}\n", nr_not_huge,
               recording.processes.size(), std::ranges::find_if(recording.processes, is_not_huge)->not_huge);
  }
  for (const auto& [name, value] : recording.facts) fmt::print(out, "{:<10} {}\n", name, value.substr(0, 60));
}

void print_change(std::FILE* out, const Recording& before, const Recording& after) {
  fmt::print(out, "Ratios to none: before, after, and the one by the other\n\n");
  for (const HeadlineRow& row : headline()) {
    const auto a = find(before, row.case_name, row.cell);
    const auto b = find(after, row.case_name, row.cell);
    if (!a || !b || a->cell != b->cell || a->baseline != b->baseline) {
      fmt::print(out, "{:<20} not in both\n", row.title);
      continue;
    }
    const Interval change = interval_of_change(after.ratios(row.case_name, b->cell, b->baseline),
                                               before.ratios(row.case_name, a->cell, a->baseline));
    const Interval noise =
        a->comparison.again.reach() > b->comparison.again.reach() ? a->comparison.again : b->comparison.again;
    fmt::print(out, "{:<20} {:.3f} {:.3f} {} {}\n", row.title, a->comparison.ratio.ratio, b->comparison.ratio.ratio,
               interval_text(change), judgement_text(judge(change, noise)));
  }
}

}  // namespace hvo::bench
