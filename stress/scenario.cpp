#include "stress/scenario.h"

#include <algorithm>

#include "stress/scenarios/actors.h"

namespace hvo::stress {

namespace {

constexpr std::array kMixed{Actor{"folio", 60, folio},
                            Actor{"fresh-folio", 30, fresh_folio},
                            Actor{"gigantic-folio", 2, gigantic_folio},
                            Actor{"resize", 10, resize},
                            Actor{"resize-gigantic", 1, resize_gigantic},
                            Actor{"demote", 1, demote},
                            Actor{"fresh-atomic", 20, fresh_atomic},
                            Actor{"work", 20, work},
                            Actor{"dissolve", 4, dissolve},
                            Actor{"sysctl", 4, sysctl},
                            Actor{"poison", 1, poison},
                            Actor{"pages", 60, pages},
                            Actor{"scribble", 60, scribble},
                            Actor{"referenced", 120, referenced},
                            Actor{"speculative", 400, speculative},
                            Actor{"walk", 80, walk},
                            Actor{"filtered-walk", 80, filtered_walk},
                            Actor{"dump", 10, dump}};
constexpr std::array kFresh{Actor{"fresh-folio", 1, fresh_folio}};
constexpr std::array kFirst{Actor{"first-folio", 1, first_folio}};
constexpr std::array kTails{Actor{"aligned-tail", 3, aligned_tail}, Actor{"referenced", 1, referenced}};
constexpr std::array kAnyLookup{Actor{"referenced", 1, referenced}, Actor{"speculative", 1, speculative},
                                Actor{"aligned-tail", 1, aligned_tail}};
constexpr std::array kSplitters{Actor{"fresh-folio", 1, fresh_folio}, Actor{"dump-often", 1, dump_often}};
constexpr std::array kDemoter{Actor{"demote", 3, demote}, Actor{"resize-gigantic", 3, resize_gigantic},
                              Actor{"resize", 1, resize}, Actor{"hog", 2, hog}};
constexpr std::array kUsers{Actor{"gigantic-folio", 4, gigantic_folio}, Actor{"folio", 4, folio},
                            Actor{"referenced", 2, referenced}, Actor{"speculative", 8, speculative}};
constexpr std::array kRecycle{Actor{"recycle", 1, recycle}};
constexpr std::array kNearWalkers{Actor{"near-walk", 1, near_walk}, Actor{"near-filtered-walk", 1, near_filtered_walk}};
constexpr std::array kDumpers{Actor{"dump-often", 3, dump_often}, Actor{"fresh-folio", 1, fresh_folio}};
constexpr std::array kBatches{Actor{"resize", 4, resize}, Actor{"folio", 1, folio}};
constexpr std::array kScribblers{Actor{"scribble", 8, scribble}, Actor{"speculative", 8, speculative},
                                 Actor{"resize", 1, resize}};
constexpr std::array kPoisoned{Actor{"fresh-folio", 8, fresh_folio}, Actor{"folio", 4, folio},
                               Actor{"resize", 1, resize}};
constexpr std::array kPoisoners{Actor{"poison", 8, poison}, Actor{"dissolve", 2, dissolve},
                                Actor{"speculative", 8, speculative}};
constexpr std::array kDissolved{Actor{"folio", 16, folio}, Actor{"resize", 1, resize}};
constexpr std::array kDissolvers{Actor{"dissolve", 8, dissolve}, Actor{"folio", 4, folio},
                                 Actor{"referenced", 4, referenced}};
constexpr std::array kResizers{Actor{"resize-gigantic", 4, resize_gigantic}, Actor{"resize", 4, resize},
                               Actor{"gigantic-folio", 2, gigantic_folio}};
constexpr std::array kDemoters{Actor{"demote", 2, demote}, Actor{"resize", 2, resize}, Actor{"folio", 8, folio},
                               Actor{"speculative", 32, speculative}};
constexpr std::array kSwitched{Actor{"fresh-folio", 16, fresh_folio}, Actor{"folio", 8, folio},
                               Actor{"sysctl", 4, sysctl}, Actor{"resize", 1, resize}};
constexpr std::array kSwitchers{Actor{"sysctl", 1, sysctl}, Actor{"fresh-folio", 4, fresh_folio},
                                Actor{"referenced", 8, referenced}, Actor{"speculative", 8, speculative}};
constexpr std::array kAtomic{Actor{"fresh-atomic", 1, fresh_atomic}};
constexpr std::array kWorkers{Actor{"fresh-atomic", 16, fresh_atomic}, Actor{"work", 1, work},
                              Actor{"speculative", 8, speculative}};
constexpr std::array kFailing{Actor{"fresh-folio", 16, fresh_folio}, Actor{"fresh-gigantic", 1, fresh_gigantic},
                              Actor{"folio", 8, folio}, Actor{"referenced", 8, referenced},
                              Actor{"speculative", 8, speculative}};

using enum Asked;

constexpr std::array kMixedWindows{Window{Event::folio_optimized},
                                   Window{Event::folio_restored},
                                   Window{Event::folio_demoted, of_all},
                                   Window{Event::pool_grown, of_all},
                                   Window{Event::pool_shrunk, of_all},
                                   Window{Event::surplus_alloc, of_overcommit},
                                   Window{Event::pmd_split, of_splits},
                                   Window{Event::free_deferred},
                                   Window{Event::optimize_skipped, of_all},
                                   Window{Event::huge_poisoned, of_all},
                                   Window{Event::window_truth_moved, of_all},
                                   Window{Event::window_ref_taken, of_all},
                                   Window{Event::window_ref_refused, of_all},
                                   Window{Event::window_unfiltered_trap, of_unguarded},
                                   Window{Event::window_flush_served_mid_lookup},
                                   Window{Event::window_frame_reused}};
constexpr std::array kOptimizeWindows{Window{Event::folio_optimized}, Window{Event::window_tail_read_through_alias},
                                      Window{Event::window_fake_head_seen, of_fake_heads},
                                      Window{Event::window_flush_served_mid_lookup}};
constexpr std::array kRestoreWindows{Window{Event::folio_restored}, Window{Event::window_truth_moved, of_all},
                                     Window{Event::window_flush_served_mid_lookup},
                                     Window{Event::window_self_head, of_fake_heads}};
constexpr std::array kSplitWindows{Window{Event::pmd_split, of_splits},
                                   Window{Event::window_split_race_lost, of_page_table_lock},
                                   Window{Event::window_split_seen_by_walker, of_page_table_lock}};
constexpr std::array kDemoteWindows{Window{Event::folio_demoted, of_all},
                                    Window{Event::window_demote_met_alloc, of_all}, Window{Event::window_demote_enomem},
                                    Window{Event::window_restore_node_full, of_nodes_alone},
                                    Window{Event::window_restore_other_node, of_nodes_that_help}};
constexpr std::array kWalkerWindows{Window{Event::window_ref_taken, of_all}, Window{Event::window_ref_refused, of_all},
                                    Window{Event::folio_optimized}, Window{Event::window_read_only_trap, of_holes}};
constexpr std::array kSharedTailWindows{Window{Event::folio_optimized},
                                        Window{Event::window_shared_tail_race_lost, of_shared_tail}};
constexpr std::array kDumpWindows{Window{Event::pmd_split, of_splits},
                                  Window{Event::window_split_seen_by_walker, of_page_table_lock}};
constexpr std::array kBatchWindows{Window{Event::pool_grown, of_all}, Window{Event::pool_shrunk, of_all},
                                   Window{Event::window_frame_reused},
                                   Window{Event::window_batch_retry, of_batch_retries}};
constexpr std::array kPoisonWindows{Window{Event::huge_poisoned, of_all}, Window{Event::window_poison_met_optimized},
                                    Window{Event::folio_restored}};
constexpr std::array kDissolveWindows{Window{Event::folio_dissolved, of_all},
                                      Window{Event::window_dissolve_lost, of_all}};
constexpr std::array kResizeWindows{Window{Event::folio_demoted, of_all}, Window{Event::pool_shrunk, of_all},
                                    Window{Event::pool_grown, of_all}};
constexpr std::array kSysctlWindows{Window{Event::folio_optimized}, Window{Event::folio_restored},
                                    Window{Event::optimize_skipped, of_all}};
constexpr std::array kDeferredWindows{Window{Event::free_deferred}, Window{Event::window_deferred_backlog}};
constexpr std::array kEnomemWindows{
    Window{Event::window_restore_enomem}, Window{Event::window_optimize_enomem, of_optimize_allocs},
    Window{Event::window_partial_rollback, of_splits}, Window{Event::window_surplus_by_failure}};

constexpr std::array kScenarios{
    Scenario{.name = "mixed",
             .what = "pools, folios, demotion, pages, lookups, walkers, dumps and scribblers at once",
             .first = kMixed,
             .others = kMixed,
             .windows = kMixedWindows,
             .ops_per_round = 20000,
             .pools = {.nr_huge = 16, .nr_gigantic = 1, .nr_overcommit = 8, .nr_spare = 768}},
    Scenario{.name = "lookup_vs_optimize",
             .what = "lookups of any kind while folios come and go",
             .first = kFirst,
             .others = kAnyLookup,
             .windows = kOptimizeWindows},
    Scenario{.name = "lookup_vs_restore",
             .what = "lookups of page-aligned tails of one folio",
             .first = kFirst,
             .others = kTails,
             .windows = kRestoreWindows},
    Scenario{.name = "split_contention",
             .what = "CPUs optimise folios of one block of a fresh machine",
             .first = kFresh,
             .others = kSplitters,
             .windows = kSplitWindows,
             .ops_per_round = 2},
    Scenario{.name = "demote_vs_alloc",
             .what = "gigantic folios demoted while others take them, memory short at times",
             .first = kDemoter,
             .others = kUsers,
             .windows = kDemoteWindows,
             .ops_per_round = 100,
             .pools = {.nr_huge = 4, .nr_gigantic = 1, .nr_overcommit = 4, .nr_spare = 560}},
    Scenario{.name = "enomem_rollback",
             .what = "optimise and restore with failing allocations",
             .first = kFailing,
             .others = kFailing,
             .windows = kEnomemWindows,
             .ops_per_round = 400,
             .default_failure_rate = 6,
             .pools = {.nr_huge = 4, .nr_overcommit = 8, .nr_spare = 1100}},
    Scenario{.name = "walker_vs_remap",
             .what = "pfn walkers where single pages become a hugepage",
             .first = kRecycle,
             .others = kNearWalkers,
             .windows = kWalkerWindows,
             .ops_per_round = 200,
             .pools = {.nr_spare = 16}},
    Scenario{.name = "shared_tail_creation",
             .what = "CPUs optimise the first folios of a fresh machine",
             .first = kFresh,
             .others = kFresh,
             .windows = kSharedTailWindows,
             .ops_per_round = 2,
             .pools = {.nr_spare = 16}},
    Scenario{.name = "batch_flush",
             .what = "pools grow and shrink by batches, freed frames are written to at once",
             .first = kBatches,
             .others = kScribblers,
             .windows = kBatchWindows,
             .ops_per_round = 400,
             .default_failure_rate = 64,
             .pools = {.nr_huge = 64, .nr_overcommit = 4, .nr_spare = 64}},
    Scenario{.name = "hwpoison_vs_free",
             .what = "memory errors in hugepages that come and go",
             .first = kPoisoned,
             .others = kPoisoners,
             .windows = kPoisonWindows,
             .ops_per_round = 200,
             .pools = {.nr_huge = 8, .nr_overcommit = 4, .nr_spare = 64}},
    Scenario{.name = "dissolve_vs_alloc",
             .what = "free hugepages dissolved while others take them",
             .first = kDissolved,
             .others = kDissolvers,
             .windows = kDissolveWindows,
             .ops_per_round = 2000,
             .pools = {.nr_huge = 12, .nr_overcommit = 4, .nr_spare = 64}},
    Scenario{.name = "resize_vs_demote",
             .what = "both pools resized while gigantic folios are demoted",
             .first = kResizers,
             .others = kDemoters,
             .windows = kResizeWindows,
             .ops_per_round = 100,
             .pools = {.nr_huge = 8, .nr_gigantic = 1, .nr_overcommit = 4, .nr_spare = 600}},
    Scenario{.name = "sysctl_vs_churn",
             .what = "HVO switched on and off while folios come and go",
             .first = kSwitched,
             .others = kSwitchers,
             .windows = kSysctlWindows,
             .pools = {.nr_huge = 8, .nr_overcommit = 4, .nr_spare = 64}},
    Scenario{.name = "deferred_free_backlog",
             .what = "folios freed in atomic context, and a worker that frees them later",
             .first = kAtomic,
             .others = kWorkers,
             .windows = kDeferredWindows,
             .pools = {.nr_spare = 256}},
    Scenario{.name = "ptdump_vs_split",
             .what = "page-table dumps of a fresh machine while its first folios are optimised",
             .first = kFresh,
             .others = kDumpers,
             .windows = kDumpWindows,
             .ops_per_round = 2},
};

}  // namespace

bool is_asked(Asked asked, const MachineConfig& config) {
  const Design& design = *config.design;
  const bool fake_heads = design.encoding == EncodingKind::fake_head;
  const bool splits = design.optimizes() && config.geometry.maps_by_blocks();
  const bool allocs = splits || design.needs_head_copy;
  switch (asked) {
    case of_all: return true;
    case of_optimizing: return design.optimizes();
    case of_fake_heads: return fake_heads;
    case of_unguarded: return fake_heads && design.guard == WalkerGuard::none;
    case of_splits: return splits;
    case of_page_table_lock: return splits && design.split == SplitMode::shared;
    case of_optimize_allocs: return allocs;
    case of_rcu: return design.waits_for_rcu;
    case of_batch_retries: return design.batches_flushes && allocs;
    case of_copies: return design.copies_head;
    case of_shared_tail: return design.tails == Tails::shared;
    case of_holes: return !design.holes.empty();
    case of_overcommit:
      return std::ranges::any_of(config.pools, [](const PoolConfig& p) { return p.nr_overcommit_huge_pages != 0; });
    case of_nodes_that_help: return config.nr_nodes > 1 && design.optimizes() && !design.restores_on_node_only;
    case of_nodes_alone: return config.nr_nodes > 1 && design.optimizes() && design.restores_on_node_only;
    case of_boot_pools:
      return design.populates_boot_pool &&
             std::ranges::any_of(config.pools, [](const PoolConfig& p) { return p.at_boot && p.nr_huge_pages != 0; });
    case of_hot_added: return config.self_hosted_pages != 0 && design.optimizes();
  }
  return true;
}

bool shows(Mmu mmu, Event event) {
  return mmu == Mmu::software || (event != Event::window_flush_served_mid_lookup && event != Event::tlb_fill);
}

bool is_about_translations(Safeguard safeguard) {
  switch (safeguard) {
    case Safeguard::flush_before_free:
    case Safeguard::release_pte_publish:
    case Safeguard::flag_before_copy:
    case Safeguard::walker_acquire:
    case Safeguard::tlb_flush:
    case Safeguard::rollback_flush:
    case Safeguard::vmemmap_alignment:  // the host maps the vmemmap where it is aligned
    case Safeguard::arch_replaces_valid: return true;
    default: return false;
  }
}

bool is_met(Safeguard safeguard, const MachineConfig& config) {
  switch (safeguard) {
    case Safeguard::errors_moved_last:
    case Safeguard::demote_healthy_only:
    case Safeguard::shrink_persistent_only:
    case Safeguard::init_every_struct: return true;
    case Safeguard::flush_before_free:
    case Safeguard::tlb_flush:
    case Safeguard::arch_replaces_valid:
    case Safeguard::mark_until_restored:
    case Safeguard::mark_before_optimise:
    case Safeguard::restore_of_hugetlb_only:
    case Safeguard::removed_before_added:
    case Safeguard::deferred_work_flushed:
    case Safeguard::restore_from_tail:
    case Safeguard::release_pte_publish: return is_asked(of_optimizing, config);
    case Safeguard::split_recheck:
    case Safeguard::walk_continue:
    case Safeguard::page_table_lock: return is_asked(of_page_table_lock, config);
    case Safeguard::split_page_of_block:
    case Safeguard::rollback_flush:
    case Safeguard::rollback_keeps_head:
    case Safeguard::uncount_what_counted: return is_asked(of_splits, config);
    case Safeguard::key_before_remap:
    case Safeguard::reset_struct_pages: return is_asked(of_fake_heads, config);
    case Safeguard::flag_before_copy:
    case Safeguard::error_waits_for_folio: return is_asked(of_copies, config);
    case Safeguard::tail_filled_first:
    case Safeguard::tail_per_zone:
    case Safeguard::publish_by_cmpxchg: return is_asked(of_shared_tail, config);
    case Safeguard::vmemmap_alignment:
      return config.design->encoding == EncodingKind::mask &&
             config.geometry.vmemmap_size(config.geometry.largest_order()) > config.geometry.pmd_size();
    case Safeguard::boot_range_in_bytes: return is_asked(of_boot_pools, config);
    case Safeguard::test_before_grace: return is_asked(of_rcu, config);
    case Safeguard::self_hosted_check: return is_asked(of_hot_added, config);
    case Safeguard::walker_guard: return config.design->guard != WalkerGuard::none;
    case Safeguard::walker_order:
    case Safeguard::walker_acquire: return config.design->guard == WalkerGuard::rcu_acquire;
  }
  return true;
}

namespace {

/// As many as the scenario wants where a default hugepage has 512 pages or fewer; else about as much in struct pages,
/// which is what a simulated machine costs, but never too few for all that is in use at once.
u64 nr_spare(const DefaultPools& wanted, const Geometry& g) {
  constexpr u64 kLeast = 48;
  return std::min(wanted.nr_spare, std::max(kLeast, wanted.nr_spare * 512 / g.huge_order.nr_pages()));
}

}  // namespace

void set_defaults(const Scenario& scenario, MachineConfig& config) {
  const Geometry& g = config.geometry;
  const DefaultPools& wanted = scenario.pools;
  const bool has_pools = std::ranges::any_of(config.pools, [](const PoolConfig& p) { return p.order.v != 0; });
  if (!has_pools) {
    config.pools[0] = {g.huge_order, wanted.nr_huge, wanted.nr_overcommit};
    if (g.gigantic_order.v != 0) config.pools[1] = {g.gigantic_order, wanted.nr_gigantic, 0};
  }
  if (config.memory_pages != 0) return;
  // Of each node: pools are dealt out to them in turn.
  const u64 nodes = config.nr_nodes;
  const auto share = [nodes](u64 n) { return (n + nodes - 1) / nodes; };
  u64 pages = share(nr_spare(wanted, g)) << g.huge_order.v;
  for (const PoolConfig& p : config.pools) pages += share(p.nr_huge_pages) << p.order.v;
  pages += pages >> 5;  // the struct pages themselves, and a little
  config.memory_pages = nodes == 1 ? pages : pages_for_nodes(g, pages * nodes, config.nr_nodes);
}

std::span<const Scenario> scenarios() { return kScenarios; }

const Scenario* find_scenario(std::string_view name) {
  for (const Scenario& s : kScenarios) {
    if (s.name == name) return &s;
  }
  return nullptr;
}

}  // namespace hvo::stress
