// Event: one thing that happens to a machine; a few small numbers, so that RapidCheck can make and shrink them.
#pragma once

#include <iosfwd>
#include <string_view>
#include <vector>

#include "core/base/types.h"

namespace hvo::test {

enum class EventKind : u8 {
  take_pages,
  get_page,
  put_page,
  alloc_hugetlb,
  alloc_migrate,
  set_max,
  set_overcommit,
  demote,
  dissolve,
  set_sysctl,
  fail_nth,
  fail_every,
  fail_never,
  fill_memory,
  give_memory_back,
};
std::string_view kind_name(EventKind kind);

/// What the numbers mean is up to the kind; they are taken modulo what there is to choose from, so every event is legal
/// in every state, also after others were shrunk away.
struct ModelEvent {
  EventKind kind{};
  u32 which = 0;   ///< a folio, or a size
  u32 amount = 0;  ///< a count, or an order
};
using Events = std::vector<ModelEvent>;
std::ostream& operator<<(std::ostream& os, const ModelEvent& event);

}  // namespace hvo::test
