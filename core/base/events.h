// Events: what happened, counted per CPU. Costs (flushes, IPIs, …) and windows (a race actually met) alike.
//
// A counter is a detector: it is private to its CPU, is never a step of the simulated machine and orders nothing.
#pragma once

#include <array>
#include <string_view>

#include "core/base/types.h"

namespace hvo {

#define HVO_EVENTS(X)                                                               \
  /* costs */                                                                       \
  X(tlb_flush, "TLB flushes")                                                       \
  X(ipi_sent, "IPIs sent")                                                          \
  X(ipi_served, "IPIs served")                                                      \
  X(tlbi_served, "broadcast flushes served")                                        \
  X(grace_period, "RCU grace periods")                                              \
  X(key_transition, "static key transitions")                                       \
  X(pmd_split, "PMD splits")                                                        \
  X(pte_store, "PTE stores")                                                        \
  X(tlb_fill, "TLB fills")                                                          \
  X(frame_alloc, "frames allocated")                                                \
  X(frame_free, "frames freed")                                                     \
  X(pte_page_alloc, "page-table pages allocated")                                   \
  X(bytes_copied, "bytes copied")                                                   \
  /* life cycle */                                                                  \
  X(folio_optimized, "folios optimised")                                            \
  X(optimize_skipped, "folios left full: switched off, or too small")               \
  X(optimize_refused, "folios left full: their vmemmap is self-hosted")             \
  X(folio_restored, "folios restored")                                              \
  X(folio_demoted, "folios demoted")                                                \
  X(huge_alloc, "hugepages handed out")                                             \
  X(huge_free, "hugepages given back")                                              \
  X(surplus_alloc, "surplus folios made by overcommit")                             \
  X(pool_grown, "folios added to a pool")                                           \
  X(pool_shrunk, "folios removed from a pool")                                      \
  X(folio_dissolved, "folios dissolved")                                            \
  X(free_deferred, "folios whose freeing was deferred")                             \
  X(work_scheduled, "deferred work scheduled")                                      \
  X(huge_poisoned, "memory errors noted on hugepages")                              \
  X(page_poisoned, "memory errors noted on ordinary pages")                         \
  X(page_alloc, "ordinary pages and compounds allocated")                           \
  X(page_free, "ordinary pages and compounds freed")                                \
  X(lookup, "lookups checked")                                                      \
  X(lookup_referenced, "lookups with a reference")                                  \
  X(lookup_speculative, "lookups without a reference")                              \
  X(alloc_failure_injected, "allocation failures injected")                         \
  /* windows */                                                                     \
  X(window_tail_read_through_alias, "tail read through a read-only alias")          \
  X(window_fake_head_seen, "fake head met and corrected by the check")              \
  X(window_flush_served_mid_lookup, "flush served between the loads of one lookup") \
  X(window_truth_moved, "compound changed under a speculative lookup")              \
  X(window_self_head, "speculative lookup returned the tail itself")                \
  X(window_split_race_lost, "PMD split lost the race, freed its page table")        \
  X(window_split_seen_by_walker, "dump met a PMD that was split under it")          \
  X(window_restore_enomem, "restore ran out of memory, folio kept")                 \
  X(window_restore_node_full, "restore failed, no frame on its node")               \
  X(window_restore_other_node, "restore took frames of another node")               \
  X(window_optimize_enomem, "optimise ran out of memory")                           \
  X(window_head_kept_in_place, "no frame to copy the head, it stayed in place")     \
  X(window_shared_tail_race_lost, "shared tail made twice, one freed")              \
  X(window_batch_retry, "batch out of memory, tried again")                         \
  X(window_partial_rollback, "partial remap rolled back")                           \
  X(window_surplus_by_failure, "folio kept as surplus, restore failed")             \
  X(window_overcommit_race_lost, "overcommit used up while a folio was made")       \
  X(window_deferred_backlog, "worker found several folios to free")                 \
  X(window_dissolve_lost, "dissolve met a folio that had just been taken")          \
  X(window_dissolve_undone, "dissolve without memory, undone")                      \
  X(window_poison_met_optimized, "memory error in an optimised folio")              \
  X(window_demote_enomem, "demotion without memory, undone")                        \
  X(window_read_only_trap, "store to a read-only tail trapped")                     \
  X(window_unfiltered_trap, "unfiltered walker hit a read-only tail")               \
  X(window_filtered_trap, "filtered walker lost the race")                          \
  X(window_frame_reused, "freed vmemmap frame reused by a scribbler")               \
  X(window_ref_taken, "walker took a reference")                                    \
  X(window_ref_refused, "walker met a frozen page")                                 \
  X(window_lock_contended, "a lock was found taken")                                \
  X(window_wait_served_interrupt, "interrupt served while waiting")                 \
  X(window_demote_met_alloc, "allocation met a pool under demotion")

enum class Event : u8 {
#define HVO_EVENT_ENUM(id, text) id,
  HVO_EVENTS(HVO_EVENT_ENUM)
#undef HVO_EVENT_ENUM
};

inline constexpr std::array kEventTexts{
#define HVO_EVENT_TEXT(id, text) std::string_view{text},
    HVO_EVENTS(HVO_EVENT_TEXT)
#undef HVO_EVENT_TEXT
};
inline constexpr std::array kEventNames{
#define HVO_EVENT_NAME(id, text) std::string_view{#id},
    HVO_EVENTS(HVO_EVENT_NAME)
#undef HVO_EVENT_NAME
};
inline constexpr unsigned kNrEvents = kEventTexts.size();

/// One counter per event. Each instance has one writer; read it at a quiescent point.
struct EventCounts {
  std::array<u64, kNrEvents> v{};

  u64& operator[](Event e) { return v[static_cast<unsigned>(e)]; }
  u64 operator[](Event e) const { return v[static_cast<unsigned>(e)]; }
  EventCounts& operator+=(const EventCounts& other) {
    for (unsigned i = 0; i < kNrEvents; ++i) v[i] += other.v[i];
    return *this;
  }
};

}  // namespace hvo
