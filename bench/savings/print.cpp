#include "bench/savings/print.h"

#include <fmt/format.h>

#include <algorithm>

#include "bench/savings/sizes.h"
#include "core/hvo/savings.h"

namespace hvo::bench::savings {

namespace {

/// Columns of memory are in one unit, by the size of all struct pages.
struct Unit {
  u64 bytes = 0;
  std::string_view name;
  explicit Unit(u64 largest)
      : bytes(largest >= u64{4} << 30 ? u64{1} << 30 : u64{1} << 20), name(largest >= u64{4} << 30 ? "GiB" : "MiB") {}
  std::string operator()(u64 n) const {
    return fmt::format("{:.3f}", static_cast<double>(n) / static_cast<double>(bytes));
  }
};

std::string ratio_text(const std::optional<double>& ratio) { return ratio ? fmt::format("{:.2f}", *ratio) : "-"; }

std::string line(std::string text) {
  text.resize(std::min(text.size(), kColumns));
  return text + "\n";
}

/// Shell words on lines of their own where one line is too short for them.
std::string wrapped(const std::string& command) {
  std::string s;
  std::string row = " ";
  for (std::size_t at = 0; at < command.size();) {
    const std::size_t end = std::min(command.find(" --", at + 1), command.size());
    const std::string_view words = std::string_view(command).substr(at, end - at);
    if (row.size() + words.size() + 3 > kColumns) {
      s += row + " \\\n";
      row = "   ";
    }
    row += (words.starts_with(' ') ? "" : " ") + std::string(words);
    at = end;
  }
  return s + row + "\n";
}

std::string memory_table(const Results& r) {
  const u64 page = kGeometries[0].page_size();
  const Unit unit(r.rows.front().built.mapped_before * page);
  std::string s;
  s += line(fmt::format("{:<17}{:>9}  {:>17}{:>8}  {:>17}", "", "frames", "struct pages, " + std::string(unit.name),
                        "PTE", "resident, " + std::string(unit.name)));
  s += line(fmt::format("{:<17}{:>9}{:>10}{:>9}{:>8}{:>10}{:>9}", "design", "mapped", "kept", "saved", "pages",
                        "before", "after"));
  for (const Row& row : r.rows) {
    const Built& b = row.built;
    s += line(fmt::format("{:<17}{:>9}{:>10}{:>9}{:>8}{:>10}{:>9}", b.design->name, b.mapped, unit(b.mapped * page),
                          unit(b.frames_saved() * page), b.pte_pages, unit(b.before.total()), unit(b.after.total())));
  }
  return s;
}

std::string time_table(const Results& r) {
  std::string s;
  s += line(
      fmt::format("{:<17}{:>8}{:>8}{:>10}{:>12}{:>8}{:>9}", "", "boot", "pool", "of it", "hugepages", "pool", "both"));
  s += line(fmt::format("{:<17}{:>8}{:>8}{:>10}{:>12}{:>8}{:>9}", "design", "s", "s", "returning", "per s", "x none",
                        "x none"));
  for (const Row& row : r.rows) {
    const Built& b = row.built;
    s += line(fmt::format("{:<17}{:>8.2f}{:>8.2f}{:>10.2f}{:>12.0f}{:>8}{:>9}", b.design->name, b.boot_seconds,
                          b.pool_seconds, b.give_back_seconds, b.hugepages_per_second(), ratio_text(row.pool_ratio),
                          ratio_text(row.steady_ratio)));
  }
  return s;
}

std::string claim_text(const Results& r) {
  const auto claim = r.claim();
  if (!claim) return "";
  const double per_tib =
      static_cast<double>(claim->measured) * static_cast<double>(kTib) / static_cast<double>(r.plan.memory_bytes);
  std::string s = "\n";
  s += line(fmt::format("{} -> {}: {} more returned, measured", kClaimFrom, kClaimTo, size_text(claim->measured)));
  s += line(fmt::format("  {} more by counting mapped frames, {} by arithmetic", size_text(claim->counted),
                        size_text(claim->expected)));
  s += line(fmt::format("  measured, per TiB of such hugepages: {}", size_text(static_cast<u64>(per_tib))));
  return s;
}

std::string what_columns_mean(const Plan& plan) {
  std::string s = "\n";
  s += line("kept, saved: by counting distinct frames that the page tables map,");
  s += line("  the struct pages of all memory included (the pool and its vmemmap)");
  s += line("resident: what mincore finds of the frames and of the machine's other");
  s += line("  memory; before: booted, no hugepage yet; after: pool built, free");
  s += line("  frames returned");
  s += line("pool: first hugepage to last, returning included; both: with");
  s += line("  the boot, the same work under each design: median of all boots");
  if (plan.nr_rounds > 1) s += line(fmt::format("times and ratios: medians of {} rounds", plan.nr_rounds));
  return s;
}

}  // namespace

std::string command_of(const Plan& plan) {
  std::string s = fmt::format("./hvo savings --memory {} --hugepage {}", short_size_text(plan.memory_bytes),
                              short_size_text(kGeometries[0].folio_bytes(plan.order)));
  if (plan.nr_rounds != 1) s += fmt::format(" --rounds {}", plan.nr_rounds);
  if (plan.designs.size() == kDesigns.size()) return s;
  for (const Design* design : plan.designs) s += fmt::format(" --design {}", design->name);
  return s;
}

std::string text_of(const Results& results, const Facts& facts, const std::string& command) {
  const Plan& plan = results.plan;
  std::string s = line(fmt::format("Savings: {} in {} hugepages of {}, x86-64, one CPU", size_text(plan.memory_bytes),
                                   plan.nr_hugepages(), size_text(kGeometries[0].folio_bytes(plan.order))));
  if (results.is_interrupted) s += line("interrupted: what was built until then");
  if (results.rows.empty()) return s + line("nothing was built to its end");
  s += "\n" + memory_table(results) + "\n" + time_table(results) + claim_text(results) + what_columns_mean(plan);
  if (results.nr_violations() != 0) {
    s += line(fmt::format("VIOLATIONS: {}; nothing above can be trusted", results.nr_violations()));
  }
  s += "\n";
  for (const auto& [name, value] : facts) s += line(fmt::format("{}: {}", name, value));
  return s + "again:\n" + wrapped(command);
}

}  // namespace hvo::bench::savings
