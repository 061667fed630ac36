// How the summary looks: at most 72 columns.
#include <fmt/format.h>

#include <algorithm>

#include "bench/summary.h"

namespace hvo::bench {

namespace {

/// "1.03 .01": the median and half the distance of the quartiles.
std::string short_form(const Spread& s) {
  const std::string half = fmt::format("{:.2f}", (s.upper - s.lower) / 2);
  return fmt::format("{:.2f} {}", s.median, half.starts_with("0.") ? half.substr(1) : half);
}

constexpr const char* kLookupRow = "{:<12}{:>6}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}\n";

void print_lookups(std::FILE* out, const Summary& summary, Flow flow) {
  std::optional<Kind> kind;
  for (const LookupRow& row : summary.lookups) {
    if (row.lookup.flow != flow) continue;
    if (row.lookup.kind != kind) {
      kind = row.lookup.kind;
      fmt::print(out, "{}\n", kind == Kind::full ? "2 MiB hugepages:" : "ordinary pages:");
    }
    fmt::print(out, kLookupRow, pattern_name(row.lookup.pattern), fmt::format("{:.2f}", row.none_ns.median),
               short_form(row.again), short_form(row.branch_free), short_form(row.fake_head_off),
               short_form(row.fake_head_on), row.fake_head_optimized ? short_form(*row.fake_head_optimized) : "-",
               short_form(row.shared_tail));
  }
}

void print_lookups(std::FILE* out, const Summary& summary) {
  fmt::print(out,
             "\ncompound_head() by plain pointers: time / time of none, and half the\n"
             "distance of the quartiles. All in 4 KiB pages, the baseline too.\n");
  fmt::print(out, kLookupRow, "", "none", "none", "none", "fakehead", "fakehead", "fakehead", "shared");
  fmt::print(out, kLookupRow, "", "ns", "again", "br-free", "off,full", "on,full", "on,opt", "tail,opt");
  fmt::print(out, "-- stream: independent lookups\n");
  print_lookups(out, summary, Flow::stream);
  fmt::print(out, "-- chain: each needs a word of the head found before\n");
  print_lookups(out, summary, Flow::chain);
}

std::string number(double v) { return fmt::format("{:.{}f}", v, v >= 100 ? 0 : 2); }

/// "3.41 [3.38 3.47]  <= 4 met"
void print_row(std::FILE* out, const RatioRow& row, bool judges) {
  fmt::print(out, "{:<36}", row.name);
  if (!row.value) {
    fmt::print(out, "{:>6}  needs two cores\n", "n/a");
    return;
  }
  const Spread& v = *row.value;
  const std::string quartiles = v.nr_samples > 1 ? fmt::format("[{} {}]", number(v.lower), number(v.upper)) : "";
  fmt::print(out, "{:>6} {:<14}", number(v.median), quartiles);
  if (row.goal) {
    const char* const judged = !judges ? "" : !row.is_judged() ? "*" : row.is_met() ? "met" : "missed";
    fmt::print(out, "{} {:<4g}{}", row.at_most ? "<=" : ">=", *row.goal, judged);
  }
  fmt::print(out, "\n");
}

void print_verdict(std::FILE* out, const Summary& summary) {
  if (!summary.judges) {
    fmt::print(out, "{}too short to judge any goal: without --quick they are\n",
               summary.is_partial ? "interrupted: the rest was not measured\n" : "");
    return;
  }
  u64 missed = 0;
  u64 nr_judged = 0;
  double least_scaling = RatioRow::kScalingNeeded;
  for (const RatioRow& row : summary.rows) {
    if (row.is_judged()) ++nr_judged;
    if (row.is_judged() && !row.is_met()) ++missed;
    if (row.goal && row.host_scaling) least_scaling = std::min(least_scaling, *row.host_scaling);
  }
  if (least_scaling < RatioRow::kScalingNeeded) {
    fmt::print(out,
               "* not judged: in the same rounds two threads that share nothing did only\n"
               "  {:.2f} times the work of one: the host's cores were busy with others\n",
               least_scaling);
  }
  if (summary.is_partial) fmt::print(out, "interrupted: the rest was not measured\n");
  fmt::print(out, "{}\n",
             nr_judged == 0 ? "no goal was judged"
             : missed == 0  ? "every goal that is judged is met"
                            : fmt::format("{} goals are missed", missed));
}

}  // namespace

void print_summary(std::FILE* out, const Summary& summary, const Facts& facts) {
  fmt::print(out, "\nSummary: medians of {} interleaved rounds in one process\n\n", summary.nr_rounds);
  for (const auto& [name, value] : facts) fmt::print(out, "{:<10} {:.61}\n", name, value);
  if (const std::string why = why_times_mean_nothing(); !why.empty()) {
    fmt::print(out, "TIMES MEAN NOTHING: {}\n", why);
  }
  print_lookups(out, summary);
  fmt::print(out, "\n{:<36}{:>6} {:<14}{}\n", "ratio", "median", "[quartiles]", "goal");
  for (const RatioRow& row : summary.rows) print_row(out, row, summary.judges);
  fmt::print(out, "simulated page-table walks per lookup: {:.3f} in the rows \"TLB hits\",\n{:.3f} in \"TLB misses\"\n",
             summary.walks_per_hit, summary.walks_per_miss);
  print_verdict(out, summary);
}

}  // namespace hvo::bench
