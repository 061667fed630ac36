// Safeguards: the ordering contracts and checks that a real kernel bug once broke, each removable by name.
//
// Slow paths ask `safeguards.has(...)`; the lookup path never does (a lookup without a safeguard is a function of
// its own, chosen outside the loop).
#pragma once

#include <array>
#include <string_view>

#include "core/base/types.h"

namespace hvo {

/// One bit each, in the order of kSafeguards. What each is for stands there.
enum class Safeguard : u8 {
  split_page_of_block,
  split_recheck,
  page_table_lock,
  walk_continue,
  walker_guard,
  walker_order,
  walker_acquire,
  test_before_grace,
  mark_until_restored,
  mark_before_optimise,
  errors_moved_last,
  restore_of_hugetlb_only,
  tlb_flush,
  arch_replaces_valid,
  rollback_keeps_head,
  boot_range_in_bytes,
  tail_filled_first,
  publish_by_cmpxchg,
  tail_per_zone,
  rollback_flush,
  vmemmap_alignment,
  demote_healthy_only,
  removed_before_added,
  shrink_persistent_only,
  uncount_what_counted,
  deferred_work_flushed,
  init_every_struct,
  key_before_remap,
  flag_before_copy,
  flush_before_free,
  reset_struct_pages,
  release_pte_publish,
  error_waits_for_folio,
  restore_from_tail,
  self_hosted_check,
};
inline constexpr unsigned kNrSafeguards = 35;

struct SafeguardInfo {
  Safeguard safeguard;
  std::string_view name;
  std::string_view bug;     ///< number in the catalogue of historical bugs; empty: none
  std::string_view source;  ///< kernel commit or mail that put it in place
  std::string_view what;    ///< holds while the safeguard is in place
};
inline constexpr std::array<SafeguardInfo, kNrSafeguards> kSafeguards{{
    {Safeguard::split_page_of_block, "split-page", "Z1", "39d35edee453",
     "a high-order vmemmap block is split into single frames"},
    {Safeguard::split_recheck, "split-recheck", "Z2", "20230707033859.16148-1",
     "the PMD is tested again under page_table_lock before it is replaced"},
    {Safeguard::page_table_lock, "page-table-lock", "Z2", "d8d55f5616cf",
     "PMD test, split and publish are one critical section"},
    {Safeguard::walk_continue, "walk-continue", "Z3", "d8d55f5616cf",
     "a walker that took a PMD for a leaf goes on to the next one"},
    {Safeguard::walker_guard, "walker-guard", "Z4", "bd225530a4c7",
     "a pfn walker looks for a fake head, inside an RCU section, before it stores"},
    {Safeguard::walker_order, "walker-order", "Z5", "20250108074822.722696-1",
     "a pfn walker reads the count first, then looks for a fake head"},
    {Safeguard::walker_acquire, "walker-acquire", "Z5", "20250108074822.722696-1",
     "a walker reads the count with acquire, then looks for a fake head"},
    {Safeguard::test_before_grace, "test-before-grace", "Z6", "c2a967f6ab0e",
     "only the restore of an optimised folio waits for a grace period"},
    {Safeguard::mark_until_restored, "mark-until-restored", "Z7", "32c877191e02",
     "an optimised folio stays marked hugetlb until it is restored"},
    {Safeguard::mark_before_optimise, "mark-before-optimise", "Z8", "d8f5f7e445f0",
     "a folio is marked hugetlb before it is optimised"},
    {Safeguard::errors_moved_last, "errors-moved-last", "Z9", "5596d9e8b553",
     "errors move to their pages in the section that takes the hugetlb mark away"},
    {Safeguard::restore_of_hugetlb_only, "restore-hugetlb-only", "Z10", "30a89adf872d",
     "only folios marked hugetlb are restored"},
    {Safeguard::tlb_flush, "tlb-flush", "Z11", "20251028153930.37107-1", "a TLB flush reaches every CPU"},
    {Safeguard::arch_replaces_valid, "arch-replaces-valid", "Z12", "060a2c92d1b6",
     "the architecture lets a valid translation be replaced by another one (x86-64; not arm64)"},
    {Safeguard::rollback_keeps_head, "rollback-keeps-head", "Z13", "20260525025213.2229628-1",
     "undoing a remap leaves the head's page as it is"},
    {Safeguard::boot_range_in_bytes, "boot-range-bytes", "Z14", "752fe17af693",
     "the tails of a boot-time folio are counted in bytes of address, not in pages"},
    {Safeguard::tail_filled_first, "tail-filled-first", "Z15", "20260622101901.223961-1",
     "a shared tail is filled before it can be mapped"},
    {Safeguard::publish_by_cmpxchg, "publish-by-cmpxchg", "Z16", "shared-tail series, v5",
     "a shared tail is published by compare-exchange"},
    {Safeguard::tail_per_zone, "tail-per-zone", "Z17", "shared-tail series, v7",
     "a shared tail serves the folios of one zone"},
    {Safeguard::rollback_flush, "rollback-flush", "Z18", "shared-tail series, v3",
     "undoing a remap flushes all that was remapped"},
    {Safeguard::vmemmap_alignment, "vmemmap-alignment", "Z20", "9f94db4c7eaa",
     "the vmemmap is aligned to the struct pages of its largest folio"},
    {Safeguard::demote_healthy_only, "demote-healthy-only", "Z23", "20220307215707.50916-1",
     "a hugepage with a memory error is not demoted"},
    {Safeguard::removed_before_added, "removed-before-added", "Z24", "dissolve of 7.1",
     "a folio is put back into its pool only if it was taken out"},
    {Safeguard::shrink_persistent_only, "shrink-persistent-only", "Z25", "set_max_huge_pages of 7.1",
     "a pool shrinks by persistent folios, never by surplus ones"},
    {Safeguard::uncount_what_counted, "uncount-what-counted", "Z26", "20260428081855.1249045-2",
     "undoing a remap takes from nr_memmap what the remap has put there"},
    {Safeguard::deferred_work_flushed, "deferred-work-flushed", "Z28", "20250219, Ge Yang",
     "whoever wants memory back first frees what is deferred"},
    {Safeguard::init_every_struct, "init-every-struct", "Z30", "87a7ae75d738",
     "every struct page that has a frame of its own is initialised at boot"},
    {Safeguard::key_before_remap, "key-before-remap", "Z32", "contract",
     "the static key is raised before the first remap and lowered after the last restore"},
    {Safeguard::flag_before_copy, "flag-before-copy", "Z33", "contract",
     "HPG_vmemmap_optimized is set before the head is copied"},
    {Safeguard::flush_before_free, "flush-before-free", "Z34", "contract",
     "no frame is freed before the flush that follows its PTE change"},
    {Safeguard::reset_struct_pages, "reset-struct-pages", "Z35", "contract",
     "copies of head and metadata structs are reset on restore"},
    {Safeguard::release_pte_publish, "release-pte-publish", "Z36", "contract",
     "a restored frame is published by a release store of its PTE"},
    {Safeguard::error_waits_for_folio, "error-waits-for-folio", "Z37", "hypothesis",
     "a memory error is not noted on a folio whose head may be being copied"},
    {Safeguard::restore_from_tail, "restore-from-tail", "Z38", "Debian 6.12.115 to .117",
     "restored pages are made from a page of tails, not from the head's"},
    {Safeguard::self_hosted_check, "self-hosted-check", "", "PageVmemmapSelfHosted, 6.0",
     "vmemmap that lies in the memory it describes is left alone"},
}};

/// The set of safeguards in place. Trivially copyable; read-only while the machine runs.
struct Safeguards {
  u64 removed = 0;
  constexpr bool has(Safeguard s) const { return ((removed >> static_cast<unsigned>(s)) & 1) == 0; }
  constexpr Safeguards without(Safeguard s) const { return {removed | (u64{1} << static_cast<unsigned>(s))}; }
};

}  // namespace hvo
