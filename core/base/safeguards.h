// Safeguards: the ordering contracts and checks that a real kernel bug once broke, each removable by name.
//
// Slow paths ask `safeguards.has(...)`; the lookup path never does (a lookup without a safeguard is a function of
// its own, chosen outside the loop).
#pragma once

#include <array>
#include <string_view>

#include "core/base/types.h"

namespace hvo {

/// One bit each. The numbers Z… are those of the catalogue of historical bugs.
enum class Safeguard : u8 {
  flush_before_free,    ///< Z34: no vmemmap frame is freed before a flush that follows its PTE change
  release_pte_publish,  ///< Z36: a restored frame is published by a release store of its PTE (smp_wmb before set_pte)
  split_recheck,        ///< Z2: the PMD is tested again under page_table_lock before it is replaced
  split_page_of_block,  ///< Z1: a high-order vmemmap block is split into single frames at PMD split
  key_before_remap,     ///< Z32: the static key is raised before the first remap and lowered after the last restore
  reset_struct_pages,   ///< Z35: the copies of head and metadata structs in a restored page are reset
  flag_before_copy,     ///< Z33: HPG_vmemmap_optimized is set before the head is copied
  publish_by_cmpxchg,   ///< Z16: a shared tail is published by compare-exchange
  page_table_lock,      ///< d8d55f5616cf: PMD test, split and publish are one critical section
  self_hosted_check,    ///< a folio whose vmemmap lies in the memory that it describes is not optimised
  walker_acquire,       ///< 6.14: a pfn walker reads the count with acquire, before it looks for a fake head
};
inline constexpr unsigned kNrSafeguards = 11;

struct SafeguardInfo {
  Safeguard safeguard;
  std::string_view name;
  std::string_view what;
};
inline constexpr std::array<SafeguardInfo, kNrSafeguards> kSafeguards{{
    {Safeguard::flush_before_free, "flush-before-free",
     "no frame is freed before the flush that follows its PTE change"},
    {Safeguard::release_pte_publish, "release-pte-publish",
     "a restored frame is published by a release store of its PTE"},
    {Safeguard::split_recheck, "split-recheck", "the PMD is tested again under page_table_lock before it is replaced"},
    {Safeguard::split_page_of_block, "split-page", "a high-order vmemmap block is split into single frames"},
    {Safeguard::key_before_remap, "key-before-remap", "the static key is raised before the first remap"},
    {Safeguard::reset_struct_pages, "reset-struct-pages", "copies of head and metadata structs are reset on restore"},
    {Safeguard::flag_before_copy, "flag-before-copy", "HPG_vmemmap_optimized is set before the head is copied"},
    {Safeguard::publish_by_cmpxchg, "publish-by-cmpxchg", "a shared tail is published by compare-exchange"},
    {Safeguard::page_table_lock, "page-table-lock", "PMD test, split and publish are one critical section"},
    {Safeguard::self_hosted_check, "self-hosted-check", "vmemmap that lies in the memory it describes is left alone"},
    {Safeguard::walker_acquire, "walker-acquire", "a walker reads the count with acquire, then looks for a fake head"},
}};

/// The set of safeguards in place. Trivially copyable; read-only while the machine runs.
struct Safeguards {
  u64 removed = 0;
  constexpr bool has(Safeguard s) const { return ((removed >> static_cast<unsigned>(s)) & 1) == 0; }
  constexpr Safeguards without(Safeguard s) const { return {removed | (u64{1} << static_cast<unsigned>(s))}; }
};

}  // namespace hvo
