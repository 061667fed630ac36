// The designs table: one row per generation of HVO. The one place where a design is described; everything else asks it.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <type_traits>

#include "core/base/safeguards.h"
#include "core/base/violation.h"
#include "core/vmemmap/encoding.h"
#include "core/vmemmap/page_ref.h"

namespace hvo {

/// What the PTEs of an optimised folio's tail pages map, read-only.
enum class Tails : u8 {
  own,           ///< their own frames, writable: nothing is optimised
  second_frame,  ///< the frame of the folio's second vmemmap page
  head_frame,    ///< the head's frame
  shared,        ///< one frame for all folios of a zone and order
};

/// How mmap_lock is held while PMDs are split.
enum class SplitMode : u8 {
  exclusive,  ///< for writing, then downgraded; no page_table_lock (up to 5.17)
  shared,     ///< for reading; page_table_lock round test, split and publish (d8d55f5616cf)
};

/// A hole that the kernel of this design really had: a violation that matches is graded KNOWN-HOLE, not FORBIDDEN.
struct KnownHole {
  Rule rule{};
  Op op{};                    ///< what the CPU was doing
  std::string_view fixed_by;  ///< kernel commit or mail; "open": no fix is known
  std::string_view why;
};

struct Design {
  std::string_view name;
  std::string_view kernels;
  /// First and last kernel, major * 1000 + minor; 0: not a kernel's.
  u16 first_kernel = 0;
  u16 last_kernel = 0;
  Tails tails = Tails::own;
  EncodingKind encoding = EncodingKind::pointer;
  WalkerGuard guard = WalkerGuard::none;
  SplitMode split = SplitMode::shared;
  bool uses_static_key = false;
  bool copies_head = false;      ///< the head's frame is replaced by a copy
  bool needs_head_copy = false;  ///< no frame for the copy: ENOMEM, else the head stays where it is
  bool batches_flushes = false;  ///< pools are grown, shrunk and demoted with one flush for many folios
  bool waits_for_rcu = false;    ///< a grace period before the first remap of a call
  /// A restore takes frames of the folio's node or none (__GFP_THISNODE, up to 2eaa6c2abb9d, Z22); later any node
  /// helps.
  bool restores_on_node_only = false;
  /// What a shrinking pool keeps is counted in persistent folios alone; else also in folios in use, surplus or not
  /// (min_count of set_max_huge_pages).
  bool shrinks_by_persistent = false;
  u8 nr_reset_struct_pages = 0;  ///< structs at the start of a restored page that are overwritten by clean ones
  /// Hugepages of the command line never have vmemmap frames that are freed again (pre-HVO, 6.15).
  bool populates_boot_pool = false;
  std::span<const KnownHole> holes;
  std::string_view walker_protection;

  constexpr bool optimizes() const { return tails != Tails::own; }
  /// vmemmap pages of a folio whose own frames stay mapped (the shared frame of tails is nobody's own).
  constexpr u64 nr_kept_pages() const { return tails == Tails::second_frame ? 2 : 1; }
  /// Of `nr_pages` vmemmap pages, how many frames an optimised folio keeps.
  constexpr u64 frames_kept(u64 nr_pages) const {
    return optimizes() && nr_pages > nr_kept_pages() ? nr_kept_pages() : nr_pages;
  }
};

inline constexpr std::string_view kPlainWalkerFix = "bd225530a4c7";
inline constexpr std::string_view kOrderFix = "20250108074822.722696-1";
inline constexpr std::string_view kOpen = "open";

inline constexpr std::array<KnownHole, 2> kTwoFrameHoles{{
    {Rule::read_only_store, Op::pfn_walk_unfiltered, kPlainWalkerFix,
     "a walker read a count that was not 0; the page became a read-only tail before its compare-exchange"},
    {Rule::read_only_store, Op::pfn_walk_filtered, kPlainWalkerFix,
     "a walker saw a page that was no tail; it became a read-only tail before the walker's compare-exchange"},
}};
inline constexpr std::array<KnownHole, 2> kFakeHeadHoles{{
    {Rule::read_only_store, Op::pfn_walk_unfiltered, kPlainWalkerFix,
     "a walker of all pfns takes a reference with a plain compare-exchange; a fake head shows the head's count, so a "
     "tail "
     "of a folio in use needs no race at all"},
    kTwoFrameHoles[1],
}};
inline constexpr std::array<KnownHole, 2> kOrderHoles{{
    {Rule::read_only_store, Op::pfn_walk_unfiltered, kOrderFix,
     "a walker saw no fake head; the page became one and its folio was handed out; then it read a count that was not "
     "0"},
    {Rule::read_only_store, Op::pfn_walk_filtered, kOrderFix,
     "a walker saw no fake head; the page became one and its folio was handed out; then it read a count that was not "
     "0"},
}};
/// Question O1, answered in WALKERS.md: as two-frame, for a tail's count is 0 and nothing waits for the walker.
inline constexpr std::array<KnownHole, 2> kSharedTailHoles{{
    {Rule::read_only_store, Op::pfn_walk_unfiltered, kOpen,
     "a walker read a count that was not 0; the page became a read-only tail before its compare-exchange: one "
     "preemption "
     "is enough, a failed compare-exchange traps too (not with --ll-sc); no kernel fix is known"},
    {Rule::read_only_store, Op::pfn_walk_filtered, kOpen,
     "a walker saw a page in use that was no tail; it became a read-only tail before the walker's compare-exchange: "
     "one "
     "preemption is enough, a failed compare-exchange traps too (not with --ll-sc); no kernel fix is known"},
}};

inline constexpr std::array kDesigns{
    Design{.name = "none", .kernels = "HVO off", .holes = {}, .walker_protection = "none needed"},
    Design{.name = "two-frame",
           .kernels = "5.14 - 5.17",
           .first_kernel = 5014,
           .last_kernel = 5017,
           .tails = Tails::second_frame,
           .split = SplitMode::exclusive,
           .restores_on_node_only = true,
           .holes = kTwoFrameHoles,
           .walker_protection = "none"},
    Design{.name = "fake-head",
           .kernels = "5.18 - 6.1",
           .first_kernel = 5018,
           .last_kernel = 6001,
           .tails = Tails::head_frame,
           .encoding = EncodingKind::fake_head,
           .uses_static_key = true,
           .restores_on_node_only = true,
           .nr_reset_struct_pages = 3,
           .holes = kFakeHeadHoles,
           .walker_protection = "none"},
    Design{.name = "fake-head-copy",
           .kernels = "6.2 - 6.9",
           .first_kernel = 6002,
           .last_kernel = 6009,
           .tails = Tails::head_frame,
           .encoding = EncodingKind::fake_head,
           .uses_static_key = true,
           .copies_head = true,
           .batches_flushes = true,  // from 6.8 on
           .restores_on_node_only = true,
           .nr_reset_struct_pages = 3,
           .holes = kFakeHeadHoles,
           .walker_protection = "none"},
    Design{.name = "fake-head-rcu",
           .kernels = "6.10 - 6.13",
           .first_kernel = 6010,
           .last_kernel = 6013,
           .tails = Tails::head_frame,
           .encoding = EncodingKind::fake_head,
           .guard = WalkerGuard::rcu,
           .uses_static_key = true,
           .copies_head = true,
           .batches_flushes = true,
           .waits_for_rcu = true,
           .nr_reset_struct_pages = 4,
           .holes = kOrderHoles,
           .walker_protection = "RCU"},
    Design{.name = "fake-head-acquire",
           .kernels = "6.14 - 7.0",
           .first_kernel = 6014,
           .last_kernel = 7000,
           .tails = Tails::head_frame,
           .encoding = EncodingKind::fake_head,
           .guard = WalkerGuard::rcu_acquire,
           .uses_static_key = true,
           .copies_head = true,
           .batches_flushes = true,
           .waits_for_rcu = true,
           .nr_reset_struct_pages = 4,
           .populates_boot_pool = true,  // from 6.15 on
           .holes = {},
           .walker_protection = "RCU + acquire"},
    Design{.name = "shared-tail",
           .kernels = "7.1 -",
           .first_kernel = 7001,
           .last_kernel = 65535,
           .tails = Tails::shared,
           .encoding = EncodingKind::mask,
           .copies_head = true,
           .needs_head_copy = true,
           .batches_flushes = true,
           .shrinks_by_persistent = true,
           .populates_boot_pool = true,
           .holes = kSharedTailHoles,
           .walker_protection = "none"},
};

/// The design of that name, or nullptr.
constexpr const Design* find_design(std::string_view name) {
  for (const Design& d : kDesigns) {
    if (d.name == name) return &d;
  }
  return nullptr;
}

/// The design that this kernel has, or nullptr: no HVO.
constexpr const Design* find_design_of_kernel(u32 major, u32 minor) {
  const u32 version = major * 1000 + minor;
  for (const Design& d : kDesigns) {
    if (d.first_kernel != 0 && version >= d.first_kernel && version <= d.last_kernel) return &d;
  }
  return nullptr;
}

/// Calls f(encoding, guard) with both as types (std::integral_constant for the guard): once, outside the loop.
template <class F>
decltype(auto) with_walker(const Design& design, F f, Safeguards safeguards = {}) {
  WalkerGuard guard = design.guard;
  if (guard == WalkerGuard::rcu_acquire && !safeguards.has(Safeguard::walker_order)) guard = WalkerGuard::rcu;
  if (guard == WalkerGuard::rcu_acquire && !safeguards.has(Safeguard::walker_acquire)) guard = WalkerGuard::rcu_relaxed;
  if (!safeguards.has(Safeguard::walker_guard)) guard = WalkerGuard::none;
  return with_encoding(design.encoding, [&]<class E>(E encoding) -> decltype(auto) {
    switch (guard) {
      case WalkerGuard::none: return f(encoding, std::integral_constant<WalkerGuard, WalkerGuard::none>{});
      case WalkerGuard::rcu: return f(encoding, std::integral_constant<WalkerGuard, WalkerGuard::rcu>{});
      case WalkerGuard::rcu_acquire:
        return f(encoding, std::integral_constant<WalkerGuard, WalkerGuard::rcu_acquire>{});
      case WalkerGuard::rcu_relaxed:
        return f(encoding, std::integral_constant<WalkerGuard, WalkerGuard::rcu_relaxed>{});
    }
    __builtin_unreachable();
  });
}

/// get_page_unless_zero() of this design, with these safeguards.
template <PageRefAccessor A>
OrTrap<bool> get_page_unless_zero(const Design& design, const A& a, Page p, Safeguards safeguards = {}) {
  return with_walker(
      design, [&]<class E, class G>(E, G) { return get_page_unless_zero<G::value, E>(a, p); }, safeguards);
}

}  // namespace hvo
