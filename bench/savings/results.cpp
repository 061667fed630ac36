#include "bench/savings/results.h"

#include <algorithm>

#include "core/hvo/savings.h"

namespace hvo::bench::savings {

namespace {

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 != 0 ? values[half] : (values[half - 1] + values[half]) / 2;
}

u64 less(u64 from, u64 what) { return from - std::min(from, what); }

const Built* find_in(const std::vector<Built>& round, const Design* design) {
  const auto found = std::ranges::find(round, design, &Built::design);
  return found == round.end() ? nullptr : &*found;
}

/// f of every building of this design.
template <class Fn>
std::vector<double> each(const std::vector<std::vector<Built>>& rounds, const Design* design, Fn f) {
  std::vector<double> values;
  for (const auto& round : rounds) {
    if (const Built* built = find_in(round, design); built != nullptr) values.push_back(f(*built));
  }
  return values;
}

/// f of a building as a ratio to f of the baseline's in the same round.
template <class Fn>
std::optional<double> ratio(const std::vector<std::vector<Built>>& rounds, const Plan& plan, const Design* design,
                            Fn f) {
  std::vector<double> ratios;
  for (const auto& round : rounds) {
    const Built* base = find_in(round, plan.designs.front());
    const Built* built = find_in(round, design);
    if (base != nullptr && built != nullptr && f(*base) > 0) ratios.push_back(f(*built) / f(*base));
  }
  if (ratios.empty()) return std::nullopt;
  return median(std::move(ratios));
}

double median_boot(const std::vector<std::vector<Built>>& rounds) {
  std::vector<double> boots;
  for (const auto& round : rounds) {
    for (const Built& built : round) boots.push_back(built.boot_seconds);
  }
  return boots.empty() ? 0 : median(std::move(boots));
}

Row row_of(const std::vector<std::vector<Built>>& rounds, const Plan& plan, const Design* design) {
  Row row;
  for (const auto& round : rounds) {
    if (const Built* built = find_in(round, design); built != nullptr) {
      row.built = *built;
      ++row.nr_rounds;
    }
  }
  if (row.nr_rounds == 0) return row;
  row.built.boot_seconds = median(each(rounds, design, [](const Built& b) { return b.boot_seconds; }));
  row.built.pool_seconds = median(each(rounds, design, [](const Built& b) { return b.pool_seconds; }));
  row.built.give_back_seconds = median(each(rounds, design, [](const Built& b) { return b.give_back_seconds; }));
  row.pool_ratio = ratio(rounds, plan, design, [](const Built& b) { return b.pool_seconds; });
  row.total_ratio = ratio(rounds, plan, design, [](const Built& b) { return b.seconds(); });
  return row;
}

}  // namespace

Results summarise(const Plan& plan, const std::vector<std::vector<Built>>& rounds) {
  Results results{.plan = plan};
  for (const Design* design : plan.designs) {
    const Row row = row_of(rounds, plan, design);
    if (row.nr_rounds != 0) results.rows.push_back(row);
  }
  const double boot = median_boot(rounds);
  for (Row& row : results.rows) {
    const double base = boot + results.rows.front().built.pool_seconds;
    if (base > 0) row.steady_ratio = (boot + row.built.pool_seconds) / base;
  }
  return results;
}

const Row* Results::find(std::string_view design) const {
  const auto found = std::ranges::find_if(rows, [&](const Row& r) { return r.built.design->name == design; });
  return found == rows.end() ? nullptr : &*found;
}

std::optional<Claim> Results::claim() const {
  const Row* from = find(kClaimFrom);
  const Row* to = find(kClaimTo);
  if (from == nullptr || to == nullptr) return std::nullopt;
  const Geometry& g = kGeometries[0];
  const u64 frames_each =
      frames_saved(g, plan.order, *to->built.design) - frames_saved(g, plan.order, *from->built.design);
  return Claim{.expected = plan.nr_hugepages() * frames_each * g.page_size(),
               .counted = less(from->built.mapped, to->built.mapped) * g.page_size(),
               .measured = less(from->built.after.frames, to->built.after.frames)};
}

u64 Results::nr_violations() const {
  u64 n = 0;
  for (const Row& row : rows) n += row.built.nr_violations;
  return n;
}

}  // namespace hvo::bench::savings
