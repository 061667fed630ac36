// Encodings: how a tail names its head, as data and as a type.
#pragma once

#include "core/vmemmap/compound_head.h"

namespace hvo {

/// What a tail's word `compound_head` holds; selects the lookup.
enum class EncodingKind : u8 {
  pointer,    ///< the head's address | 1
  fake_head,  ///< the same, and a page that looks like a head may be a tail
  mask,       ///< compound_info: a mask that takes any page of the compound to its head, | 1
};

constexpr std::string_view encoding_name(EncodingKind kind) {
  switch (kind) {
    case EncodingKind::pointer: return "pointer";
    case EncodingKind::fake_head: return "pointer + fake-head check";
    case EncodingKind::mask: return "mask";
  }
  return "?";
}

/// The word of a tail of the compound of `order` at `head`. With a mask it is the same for all compounds of that order.
constexpr u64 tail_word(EncodingKind kind, Page head, Order order) {
  if (kind == EncodingKind::mask) return ~((order.nr_pages() << kStructPageShift) - 1) | 1;
  return head.va | 1;
}

/// Calls f with the encoding as a type: once, outside the loop, so that no lookup calls through a pointer.
template <class F>
decltype(auto) with_encoding(EncodingKind kind, F f) {
  switch (kind) {
    case EncodingKind::pointer: return f(PointerHead{});
    case EncodingKind::fake_head: return f(FakeHead{});
    case EncodingKind::mask: return f(MaskHead{});
  }
  __builtin_unreachable();
}

}  // namespace hvo
