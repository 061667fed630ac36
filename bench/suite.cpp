#include "bench/suite.h"

#include <algorithm>
#include <array>

#include "bench/environment.h"
#include "core/base/check.h"

namespace hvo::bench {

namespace {

constexpr std::array kPatterns{Pattern::sequential, Pattern::random, Pattern::page_aligned, Pattern::heads,
                               Pattern::hot};
constexpr std::array kFlows{Flow::stream, Flow::chain};
constexpr std::array kTranslations{Translations::hit, Translations::miss, Translations::block};

/// Bytes of host memory that prepare() and the bookkeeping take, roughly from above.
u64 memory_needed(const Scale& scale) {
  const u64 populations = 3 * (scale.nr_hugepages << 15) * 5 / 4;
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
  for (const Kind kind : {Kind::full, Kind::optimized, Kind::ordinary}) {
    for (const Pattern pattern : kPatterns) {
      if (exists(kind, pattern)) add_lookups(kind, pattern);
    }
  }
  for (const Translations t : kTranslations) add_routed_lookups(t);
  add_folios();
  add_frames();
}

const Arm& Suite::arm(std::string_view name) const {
  const auto found = std::ranges::find(arms_, name, &Arm::name);
  HVO_CHECK(found != arms_.end(), "an arm that the suite does not have");
  return *found;
}

Population& Suite::population(Kind kind) const {
  switch (kind) {
    case Kind::full: return *full_;
    case Kind::optimized: return *optimized_;
    case Kind::ordinary: return *ordinary_;
  }
  __builtin_unreachable();
}

Population& Suite::population(Translations t) const {
  return population(t == Translations::block ? Kind::full : Kind::optimized);
}

void Suite::add_lookups(Kind kind, Pattern pattern) {
  for (const LookupDesign& design : lookup_designs()) {
    if (kind == Kind::optimized && !design.sees_fake_heads) continue;
    for (const Flow flow : kFlows) {
      // Made when first run, for its population is not there yet.
      auto lookups = std::make_shared<Lookups>();
      arms_.push_back({lookup_name(design, kind, pattern, flow), "one lookup through a plain pointer",
                       scale_.nr_lookups, [this, &design, kind, pattern, flow, lookups](u64 n) {
                         Population& p = population(kind);
                         if (lookups->pfns.empty()) {
                           lookups->pfns = p.pfns(pattern, scale_.nr_lookups);
                           lookups->sum = p.sum_of_heads(lookups->pfns);
                         }
                         return time_lookups(design, flow, p.base(), lookups->pfns, lookups->sum, n);
                       }});
    }
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
  add("hugepage/alloc_free", "one 2 MiB hugepage allocated, optimised, restored, freed", &Folios::time_alloc_free);
  add("hugepage/optimize", "one 2 MiB folio optimised", &Folios::time_optimize);
  add("hugepage/restore", "one 2 MiB folio restored to cold frames", &Folios::time_restore);
  add("hugepage/seven_copies", "seven memcpys of the head's page to cold frames", &Folios::time_seven_copies);
  arms_.push_back({"pmd/split", "one PMD leaf replaced by a table", 16, [](u64 n) { return time_pmd_splits(n); }});
}

void Suite::add_frames() {
  const u64 pairs = scale_.nr_frames / 2;
  auto add = [&](const std::string& name, u32 nr_threads, auto bulk) {
    // Always whole rounds: what a part of one costs is not what a whole one does.
    arms_.push_back({name + "/" + std::to_string(nr_threads) + "-thread", "one frame taken and given back", pairs,
                     [bulk, nr_threads, pairs](u64 n) {
                       double ns = 0;
                       for (u64 done = 0; done < n; done += pairs) ns += bulk(nr_threads);
                       return ns;
                     }});
  };
  for (const u32 nr_threads : {1U, 2U}) {
    add("frames_bulk/allocator", nr_threads, [this](u32 n) { return frames_->time_bulk(n); });
    add("frames_bulk/mutex_list", nr_threads, [this](u32 n) { return time_mutex_list_bulk(scale_.nr_frames, n); });
  }
}

std::expected<void, std::string> Suite::prepare() {
  const u64 needed = memory_needed(scale_);
  if (const u64 available = available_memory(); needed > available) {
    return std::unexpected("these benchmarks take " + std::to_string(needed >> 20) + " MiB of memory, and " +
                           std::to_string(available >> 20) + " MiB are there: fewer --hugepages, or --quick");
  }
  const auto make = [&](Kind kind, std::unique_ptr<Population>& into) -> std::expected<void, std::string> {
    auto made = Population::make(kind, scale_.nr_hugepages);
    if (!made) return std::unexpected(made.error());
    into = std::move(*made);
    return {};
  };
  // The one with the many mappings first: it is the one that can be refused.
  if (auto r = make(Kind::optimized, optimized_); !r) return r;
  if (auto r = make(Kind::full, full_); !r) return r;
  if (auto r = make(Kind::ordinary, ordinary_); !r) return r;
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
