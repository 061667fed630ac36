#include "bench/suite.h"

#include <algorithm>
#include <array>

#include "bench/arms/loaded_kernels.h"
#include "bench/host_memory.h"
#include "bench/spin.h"
#include "core/base/check.h"

namespace hvo::bench {

namespace {

constexpr std::array kPatterns{Pattern::sequential, Pattern::random, Pattern::page_aligned, Pattern::heads,
                               Pattern::hot};
constexpr std::array kKinds{Kind::optimized, Kind::full, Kind::ordinary};
constexpr std::array kFlows{Flow::stream, Flow::chain};
constexpr std::array kTranslations{Translations::hit, Translations::miss, Translations::block};

constexpr u64 kMostPopulations = 6;

/// Bytes of host memory that prepare() and the bookkeeping take, roughly from above.
u64 memory_needed(const Scale& scale) {
  const u64 populations = kMostPopulations * (scale.nr_hugepages << 15) * 5 / 4;
  const u64 frames = scale.nr_frames * 32;
  const u64 bookkeeping = (scale.bookkeeping_gib << 30) / 64 * 5 / 4;
  return populations + frames + bookkeeping + (u64{256} << 20);
}

}  // namespace

std::vector<LookupCase> lookup_cases() {
  std::vector<LookupCase> cases;
  for (const Kind kind : {Kind::full, Kind::ordinary}) {
    for (const Pattern pattern : kPatterns) {
      if (!exists(kind, pattern)) continue;
      for (const Flow flow : kFlows) cases.push_back({kind, pattern, flow});
    }
  }
  return cases;
}

Suite::Suite(const Scale& scale) : scale_(scale) {
  for (const Kind kind : kKinds) {
    for (const Pattern pattern : kPatterns) {
      for (const LookupDesign& design : lookup_designs()) {
        if (exists(kind, pattern) && !design.design_of(kind).empty()) add_lookups(design, kind, pattern);
      }
    }
  }
  for (const Translations t : kTranslations) add_routed_lookups(t);
  add_folios();
  add_frames();
  add_host();
}

const Arm& Suite::arm(std::string_view name) const {
  const auto found = std::ranges::find(arms_, name, &Arm::name);
  HVO_CHECK(found != arms_.end(), "an arm that the suite does not have");
  return *found;
}

bool Suite::has_population(std::string_view design, Kind kind) const {
  return std::ranges::any_of(populations_,
                             [&](const auto& p) { return p->kind() == kind && p->design().name == design; });
}

Population& Suite::population(std::string_view design, Kind kind) const {
  const auto found = std::ranges::find_if(
      populations_, [&](const auto& p) { return p->kind() == kind && p->design().name == design; });
  HVO_CHECK(found != populations_.end(), "an arm was run before its population was made");
  return **found;
}

Population& Suite::population(Translations t) const {
  return t == Translations::block ? population("none", Kind::full) : population("fake-head", Kind::optimized);
}

void Suite::add_lookups(const LookupDesign& design, Kind kind, Pattern pattern) {
  for (const Flow flow : kFlows) {
    // Made when first run, for its population is not there yet.
    auto lookups = std::make_shared<Lookups>();
    arms_.push_back({lookup_name(design, kind, pattern, flow), "one lookup through a plain pointer", scale_.nr_lookups,
                     [this, &design, kind, pattern, flow, lookups](u64 n) {
                       Population& p = population(design.design_of(kind), kind);
                       if (lookups->pfns.empty()) {
                         lookups->pfns = p.pfns(pattern, scale_.nr_lookups);
                         lookups->sum = p.sum_of_heads(lookups->pfns);
                       }
                       return time_lookups(design, flow, p.base(), lookups->pfns, lookups->sum, n);
                     }});
  }
}

void Suite::add_routed_lookups(Translations t) {
  for (const Route route : {Route::plain, Route::cpu, Route::checked}) {
    for (const u32 nr_cpus : {1U, 2U}) {
      if (nr_cpus == 2 && route != Route::checked) continue;
      auto pfns = std::make_shared<std::vector<u32>>();
      arms_.push_back(
          {routed_name(route, t, nr_cpus), "one lookup", scale_.nr_lookups, [this, route, t, nr_cpus, pfns](u64 n) {
             Population& p = population(t);
             if (pfns->empty()) *pfns = translated_pfns(p, t, scale_.nr_lookups);
             return time_routed_lookups(p, route, *pfns, n, nr_cpus);
           }});
    }
  }
}

void Suite::add_folios() {
  const u64 batch = scale_.nr_folios;
  auto add = [&](const char* name, const char* what, double (Folios::*time)(u64)) {
    arms_.push_back({name, what, batch, [this, time](u64 n) { return ((*folios_).*time)(n); }});
  };
  add("hugepage/alloc_free", "one 2 MiB hugepage taken from its pool and put back", &Folios::time_alloc_free);
  add("hugepage/fresh_free", "one 2 MiB hugepage made, optimised, restored and freed", &Folios::time_fresh_free);
  add("hugepage/grow", "one 2 MiB hugepage of a pool that is grown from nothing", &Folios::time_grow);
  add("hugepage/shrink", "one 2 MiB hugepage of a pool that is shrunk to nothing", &Folios::time_shrink);
  add("hugepage/optimize", "one 2 MiB folio optimised", &Folios::time_optimize);
  add("hugepage/restore", "one 2 MiB folio restored to cold frames", &Folios::time_restore);
  add("hugepage/seven_copies", "seven memcpys of the head's page to cold frames", &Folios::time_seven_copies);
  arms_.push_back({"hugepage/demote", "one 1 GiB hugepage made 512 of 2 MiB", 1,
                   [](u64 n) { return time_demotions(*find_design("fake-head"), n); }});
  arms_.push_back({"pmd/split", "one PMD leaf replaced by a table", 16,
                   [](u64 n) { return time_pmd_splits(*find_design("fake-head"), n); }});
}

void Suite::add_frames() {
  // Always whole rounds: what a part of one costs is not what a whole one does.
  auto add = [&](const std::string& name, const char* what, u64 pairs, auto once) {
    arms_.push_back({name, what, pairs, [once, pairs](u64 n) {
                       double ns = 0;
                       for (u64 done = 0; done < n; done += pairs) ns += once();
                       return ns;
                     }});
  };
  for (const u32 nr_threads : {1U, 2U}) {
    for (const FrameCalls calls : {FrameCalls::bulk, FrameCalls::single}) {
      add(frames_name("source", calls, nr_threads), "one frame taken and given back", scale_.nr_frames / 2,
          [this, calls, nr_threads] { return frames_->time_half(calls, nr_threads); });
    }
    for (const Workload workload : kWorkloads) {
      for (const Order order : {Order{0}, Order{9}}) {
        const FrameWork work{.workload = workload, .order = order, .nr_threads = nr_threads};
        const char* const what = order == Order{0} ? "one frame taken and given back" : "one block of 512 frames";
        const u64 pairs = work.nr_pairs(scale_.nr_frames);
        add(work.name("allocator"), what, pairs, [this, work] { return time_allocator(*frames_, work); });
        add(work.name("mutex_list"), what, pairs, [this, work] { return time_mutex_list(scale_.nr_frames, work); });
      }
    }
  }
}

void Suite::add_host() {
  for (const u32 nr_threads : {1U, 2U}) {
    arms_.push_back({spin_name(nr_threads), "one step of a thread that shares nothing", scale_.nr_lookups,
                     [nr_threads](u64 n) { return time_spinning(n, nr_threads); }});
  }
}

std::expected<void, std::string> Suite::prepare() {
  if (const auto kernels = LoadedKernels::own(); !kernels) return std::unexpected(kernels.error());
  const u64 needed = memory_needed(scale_);
  if (const auto available = host_memory_available(); available && needed > *available) {
    return std::unexpected("these benchmarks take " + std::to_string(needed >> 20) + " MiB of memory, and " +
                           std::to_string(*available >> 20) + " MiB are there: fewer --hugepages, or --quick");
  }
  // Those with the many mappings first: they are the ones that can be refused.
  for (const Kind kind : kKinds) {
    for (const LookupDesign& row : lookup_designs()) {
      const std::string_view design = row.design_of(kind);
      if (design.empty() || has_population(design, kind)) continue;
      auto made = Population::make(*find_design(design), kind, scale_.nr_hugepages);
      if (!made) return std::unexpected(made.error());
      populations_.push_back(std::move(*made));
    }
  }
  auto folios = Folios::make(scale_.nr_folios);
  if (!folios) return std::unexpected(folios.error());
  folios_ = std::move(*folios);
  auto frames = FramePool::make(scale_.nr_frames);
  if (!frames) return std::unexpected(frames.error());
  frames_ = std::move(*frames);
  return {};
}

double Suite::walks_per_lookup(Translations t) {
  Population& p = population(t);
  return bench::walks_per_lookup(p, translated_pfns(p, t, scale_.nr_lookups));
}

}  // namespace hvo::bench
