#include "bench/checked_arms.h"

#include <array>

#include "bench/lookup_arms.h"
#include "bench/threads.h"
#include "core/base/rng.h"
#include "core/vmemmap/lookup_check.h"

namespace hvo::bench {

namespace {

constexpr u64 kHotHugepages = 4;  ///< 32 vmemmap pages; the simulated TLB has 64 entries
constexpr u64 kPagesEach = 512;

/// Lookups that did not answer right.
template <class Encoding>
[[gnu::noinline]] u64 checked_lookups(Cpu& cpu, Vmemmap& vmemmap, const u32* first, const u32* last) {
  LookupChecker<Encoding> checker(cpu, vmemmap);
  u64 nr_wrong = 0;
  for (; first != last; ++first) nr_wrong += checker.look_up(Pfn{*first}) == LookupResult::right ? 0 : 1;
  return nr_wrong;
}

/// The sum of the heads' addresses.
template <class Encoding>
[[gnu::noinline]] u64 cpu_lookups(Cpu& cpu, Vmemmap& vmemmap, const u32* first, const u32* last) {
  u64 sum = 0;
  for (; first != last; ++first) {
    sum += compound_head<Encoding>(vmemmap.pages(cpu), vmemmap.page_of(Pfn{*first})).va;
  }
  return sum;
}

/// One CPU's share: n lookups, round and round from the start of its half on.
template <class Encoding>
bool share(Machine& machine, Route route, u32 id, std::span<const u32> pfns, u64 sum, u64 n) {
  Cpu& cpu = machine.cpu(id);
  Vmemmap& vmemmap = machine.vmemmap();
  bool right = true;
  for (u64 left = n; left != 0;) {
    const u64 some = std::min<u64>(left, pfns.size());
    const u32* first = pfns.data();
    if (route == Route::checked) {
      right = checked_lookups<Encoding>(cpu, vmemmap, first, first + some) == 0 && right;
    } else {
      const u64 seen = cpu_lookups<Encoding>(cpu, vmemmap, first, first + some);
      right = right && (some != pfns.size() || seen == sum);
    }
    left -= some;
  }
  return right;
}

}  // namespace

std::string_view translations_name(Translations t) {
  switch (t) {
    case Translations::hit: return "tlb-hit";
    case Translations::miss: return "tlb-miss";
    case Translations::block: return "block-hit";
  }
  return "?";
}

std::string_view route_name(Route route) {
  switch (route) {
    case Route::plain: return "plain";
    case Route::cpu: return "cpu";
    case Route::checked: return "checked";
  }
  return "?";
}

std::vector<u32> translated_pfns(const Population& population, Translations t, u64 length) {
  if (t == Translations::miss) return population.pfns(Pattern::random, length);
  const Pfn first = population.heads()[0];
  HVO_CHECK(population.heads()[kHotHugepages - 1] == first + (kHotHugepages - 1) * kPagesEach,
            "the first hugepages of a machine are neighbours");
  Rng rng = Rng::seeded(77);
  std::vector<u32> pfns;
  pfns.reserve(length);
  for (u64 i = 0; i < length; ++i) pfns.push_back(static_cast<u32>(first.v + rng.below(kHotHugepages * kPagesEach)));
  return pfns;
}

double time_routed_lookups(Population& population, Route route, std::span<const u32> pfns, u64 n, u32 nr_cpus) {
  Machine& machine = population.machine();
  const u64 sum = population.sum_of_heads(pfns);
  const bool is_fake_head = machine.design().encoding == EncodingKind::fake_head;
  if (route == Route::plain) {
    const LookupDesign& design = lookup_design(is_fake_head ? "fake-head-on" : "none");
    return time_lookups(design, Flow::stream, population.base(), pfns, sum, n);
  }
  std::array<bool, 2> right{true, true};
  for (u32 i = 0; i < nr_cpus; ++i) machine.cpu(i).run();
  const double ns = run_threads(nr_cpus, [&](u32 i) {
    right[i] = with_encoding(machine.design().encoding,
                             [&]<class E>(E) { return share<E>(machine, route, i, pfns, sum, n / nr_cpus); });
  });
  for (u32 i = 0; i < nr_cpus; ++i) machine.cpu(i).idle();
  HVO_CHECK(right[0] && right[1], "a lookup on a quiescent machine is not what the truth says");
  return ns;
}

double walks_per_lookup(Population& population, std::span<const u32> pfns) {
  Machine& machine = population.machine();
  auto fills = [&] { return machine.diagnostics(0).counts[Event::tlb_fill]; };
  time_routed_lookups(population, Route::checked, pfns, pfns.size(), 1);  // fills what it has room for
  const u64 before = fills();
  time_routed_lookups(population, Route::checked, pfns, pfns.size(), 1);
  return static_cast<double>(fills() - before) / static_cast<double>(pfns.size());
}

std::string routed_name(Route route, Translations t, u32 nr_cpus) {
  return "lookup/" + std::string(route_name(route)) + "/" + std::string(translations_name(t)) + "/" +
         std::to_string(nr_cpus) + "-cpu";
}

}  // namespace hvo::bench
