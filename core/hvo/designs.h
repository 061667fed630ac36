// The designs table: one row per generation of HVO. The one place where a design is described.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "core/base/violation.h"
#include "core/vmemmap/compound_head.h"

namespace hvo {

/// What the PTEs of an optimised folio's tail pages map.
enum class Tails : u8 {
  own,         ///< their own frames: nothing is optimised
  head_frame,  ///< the head's frame, read-only
};

/// How a tail names its head: selects the lookup.
enum class EncodingKind : u8 { pointer, fake_head };

/// A hole that the kernel of this design really had: a violation that matches is graded KNOWN-HOLE, not FORBIDDEN.
struct KnownHole {
  Rule rule{};
  Op op{};                    ///< what the CPU was doing
  std::string_view fixed_by;  ///< kernel commit
  std::string_view why;
};

struct Design {
  std::string_view name;
  std::string_view kernels;
  Tails tails{};
  EncodingKind encoding{};
  bool uses_static_key = false;
  bool copies_head = false;      ///< the head's frame is replaced by a copy
  bool batches_flushes = false;  ///< pools are grown, shrunk and demoted with one flush for many folios
  u8 nr_reset_struct_pages = 0;  ///< structs at the start of a restored page that are overwritten by clean ones
  u8 kept_of_8 = 8;              ///< vmemmap frames kept of the 8 of a 2 MiB folio
  std::string_view walker_protection;
  std::span<const KnownHole> holes;

  constexpr bool optimizes() const { return tails != Tails::own; }
};

inline constexpr std::array<KnownHole, 2> kFakeHeadHoles{{
    {Rule::read_only_store, Op::pfn_walk_unfiltered, "bd225530a4c7",
     "a walker of all pfns takes a reference with a plain compare-exchange; a fake head shows the head's count, so a "
     "tail "
     "of a folio in use needs no race at all"},
    {Rule::read_only_store, Op::pfn_walk_filtered, "bd225530a4c7",
     "a walker saw a page that was no tail; it became a read-only tail before the walker's compare-exchange"},
}};

inline constexpr std::array<Design, 2> kDesigns{{
    {"none", "HVO off", Tails::own, EncodingKind::pointer, false, false, false, 0, 8, "none needed", {}},
    {"fake-head", "5.18 - 6.1", Tails::head_frame, EncodingKind::fake_head, true, false, false, 3, 1, "none",
     kFakeHeadHoles},
}};

/// The design of that name, or nullptr.
constexpr const Design* find_design(std::string_view name) {
  for (const Design& d : kDesigns) {
    if (d.name == name) return &d;
  }
  return nullptr;
}

/// Calls f with the encoding as a type: once, outside the loop, so that no lookup calls through a pointer.
template <class F>
decltype(auto) with_encoding(EncodingKind kind, F f) {
  switch (kind) {
    case EncodingKind::pointer: return f(PointerHead{});
    case EncodingKind::fake_head: return f(FakeHead{});
  }
  __builtin_unreachable();
}

}  // namespace hvo
