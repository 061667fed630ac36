#include "tests/model/event.h"

#include <array>
#include <ostream>

namespace hvo::test {

std::string_view kind_name(EventKind kind) {
  constexpr std::array<std::string_view, 15> kNames{"take_pages",
                                                    "get_page",
                                                    "put_page",
                                                    "alloc_hugetlb_folio",
                                                    "alloc_migrate_hugetlb_folio",
                                                    "set_max",
                                                    "overcommit",
                                                    "demote",
                                                    "dissolve",
                                                    "sysctl",
                                                    "fail_nth",
                                                    "fail_every",
                                                    "fail_never",
                                                    "fill_memory",
                                                    "give_memory_back"};
  return kNames[static_cast<unsigned>(kind)];
}

std::ostream& operator<<(std::ostream& os, const ModelEvent& event) {
  return os << kind_name(event.kind) << '(' << event.which << ", " << event.amount << ')';
}

}  // namespace hvo::test
