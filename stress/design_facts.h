// design_facts: what can be said of each design by trying it out on a small machine.
#pragma once

#include <array>
#include <expected>
#include <string>
#include <vector>

#include "core/hvo/designs.h"
#include "core/vmemmap/lookup_cost.h"

namespace hvo::stress {

/// The kinds of struct page whose lookups differ. `aliased`: at the start of a page of vmemmap, the only place where a
/// fake head can be.
enum class LookedUp : u8 { head, hugepage_head, tail, aliased_tail, page, aligned_page };
struct LookedUpKind {
  LookedUp kind{};
  std::string_view name;
  std::string_view what;
};
inline constexpr std::array<LookedUpKind, 6> kLookedUp{{
    {LookedUp::head, "head", "head of a compound, in the middle of a page of vmemmap"},
    {LookedUp::hugepage_head, "hugepage_head", "head of an optimised hugepage: at the start of a page"},
    {LookedUp::tail, "tail", "tail of it, in the middle of a page"},
    {LookedUp::aliased_tail, "aliased_tail", "tail of it at the start of a page: a fake head where there are such"},
    {LookedUp::page, "page", "page of no compound, in the middle of a page of vmemmap"},
    {LookedUp::aligned_page, "aligned_page", "page of no compound, at the start of one"},
}};

/// An operation that replaced a valid translation by another one, and how often.
struct UnbrokenMake {
  Op op{};
  u64 times = 0;
};

struct DesignFacts {
  const Design* design = nullptr;
  std::array<LookupCost, kLookedUp.size()> lookups{};
  std::vector<UnbrokenMake> unbroken_makes;  ///< while a pool came, was demoted and went: empty, it keeps arm64's rule
};

/// Tries every design out; instantly. Error: one line, no memory on this host.
std::expected<std::vector<DesignFacts>, std::string> design_facts();

}  // namespace hvo::stress
