// A Violation: something happened that must never happen. Plain data, so that it can be logged without a step.
#pragma once

#include <string_view>

#include "core/base/types.h"

namespace hvo {

/// The detectors (core/README.md, "Detectors"). Each states a general truth, never one bug.
enum class Rule : u8 {
  wrong_head,         ///< a lookup gave an answer that was at no moment true
  read_only_store,    ///< a write or RMW through a read-only PTE; it trapped and did not happen
  stale_translation,  ///< an access through a translation whose frame has moved on
  bad_page,           ///< a struct page is not in the state it must have at this point
  conservation,       ///< frames, pages or counters do not add up
  lock_order,         ///< rank inversion, sleeping or flushing where that is illegal, deadlock
  range,              ///< units, bounds, leaf taken for a table, refcount underflow
  cost,               ///< more flushes, grace periods or splits than the design allows
  break_before_make,  ///< one valid translation replaced by another one; only where a machine forbids it
};
inline constexpr unsigned kNrRules = 9;

constexpr std::string_view rule_name(Rule rule) {
  switch (rule) {
    case Rule::wrong_head: return "wrong-head";
    case Rule::read_only_store: return "read-only-store";
    case Rule::stale_translation: return "stale-translation";
    case Rule::bad_page: return "bad-page";
    case Rule::conservation: return "conservation";
    case Rule::lock_order: return "lock-order";
    case Rule::range: return "range";
    case Rule::cost: return "cost";
    case Rule::break_before_make: return "break-before-make";
  }
  return "?";
}

/// What a CPU is in the middle of: set by OpScope (cpu/op.h), shown in reports, matched by the known holes of a design.
/// A name here is the name of the simulated function.
enum class Op : u8 {
  none,
  boot,
  compound_head,
  page_ref_add_unless,
  folio_get,
  folio_put,
  alloc_pages,
  free_pages,
  alloc_frames,
  free_frames,
  vmemmap_split_pmd,
  vmemmap_remap_free,
  vmemmap_remap_alloc,
  hugetlb_vmemmap_optimize_folio,
  hugetlb_vmemmap_restore_folio,
  alloc_hugetlb_folio,
  free_huge_folio,
  set_max_huge_pages,
  demote_pool_huge_page,
  dissolve_free_hugetlb_folio,
  free_hpage_work,
  memory_failure,
  flush_tlb,
  synchronize_rcu,
  static_key,
  ptdump,
  pfn_walk_unfiltered,  ///< takes a reference on any pfn
  pfn_walk_filtered,    ///< looks first, and leaves tails out
  scribble,
  validate,
  test,
};

constexpr std::string_view op_name(Op op) {
  switch (op) {
    case Op::none: return "-";
    case Op::boot: return "boot";
    case Op::compound_head: return "compound_head";
    case Op::page_ref_add_unless: return "page_ref_add_unless";
    case Op::folio_get: return "folio_get";
    case Op::folio_put: return "folio_put";
    case Op::alloc_pages: return "alloc_pages";
    case Op::free_pages: return "free_pages";
    case Op::alloc_frames: return "alloc_frames";
    case Op::free_frames: return "free_frames";
    case Op::vmemmap_split_pmd: return "vmemmap_split_pmd";
    case Op::vmemmap_remap_free: return "vmemmap_remap_free";
    case Op::vmemmap_remap_alloc: return "vmemmap_remap_alloc";
    case Op::hugetlb_vmemmap_optimize_folio: return "hugetlb_vmemmap_optimize_folio";
    case Op::hugetlb_vmemmap_restore_folio: return "hugetlb_vmemmap_restore_folio";
    case Op::alloc_hugetlb_folio: return "alloc_hugetlb_folio";
    case Op::free_huge_folio: return "free_huge_folio";
    case Op::set_max_huge_pages: return "set_max_huge_pages";
    case Op::demote_pool_huge_page: return "demote_pool_huge_page";
    case Op::dissolve_free_hugetlb_folio: return "dissolve_free_hugetlb_folio";
    case Op::free_hpage_work: return "free_hpage_workfn";
    case Op::memory_failure: return "memory_failure";
    case Op::flush_tlb: return "flush_tlb_kernel_range";
    case Op::synchronize_rcu: return "synchronize_rcu";
    case Op::static_key: return "static_key";
    case Op::ptdump: return "ptdump";
    case Op::pfn_walk_unfiltered: return "unfiltered pfn walk";
    case Op::pfn_walk_filtered: return "filtered pfn walk";
    case Op::scribble: return "scribble";
    case Op::validate: return "validate";
    case Op::test: return "test";
  }
  return "?";
}

/// One violation. `what` points at a string literal.
struct Violation {
  Rule rule{};
  Op op = Op::none;  ///< filled in by Cpu::report
  u8 cpu = 0;        ///< filled in by Cpu::report
  u64 object = 0;    ///< what it is about: a vmemmap address, a pfn, a frame, a lock rank: `what` says which
  u64 expected = 0;
  u64 seen = 0;
  std::string_view what;
};

}  // namespace hvo
