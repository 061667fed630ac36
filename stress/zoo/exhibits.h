// exhibits: the catalogue of HVO's bugs, a row for each, and how each is shown here.
//
// Z1 to Z31 happened, or were stopped in review; Z32 to Z36 are contracts that a later change could break; Z37 is a
// hypothesis of ours; Z38 is a fault of a distribution's kernel. Rows are data: a detector never knows them.
#pragma once

#include <span>
#include <string_view>

#include "core/base/types.h"

namespace hvo::stress {

/// What a bug needs of the explored memory model to show at all.
enum class NeededMemory : u8 {
  any,   ///< it is an order of steps: either model has it
  weak,  ///< it is an order of loads and stores: sequential consistency can't have it
};

/// One bug. Words are those of the command line, with blanks between them.
struct Exhibit {
  std::string_view id{};         ///< "Z1"
  std::string_view title{};      ///< in a few words
  std::string_view history{};    ///< what happened in the kernel, some sentences
  std::string_view fix{};        ///< commit or mail that mended it, or the contract that forbids it
  std::string_view safeguard{};  ///< as --without takes it: removing it plants the bug; empty: there is none
  std::string_view explore{};    ///< what shows it, for `hvo-stress explore`; empty: exploring can't
  std::string_view run{};        ///< likewise for `hvo-stress run`
  std::string_view plant{};      ///< further words that plant the bug, where no safeguard is or not it alone
  std::string_view control{};    ///< words that stand in place of `plant` where the bug must not be found
  NeededMemory memory = NeededMemory::any;
  bool host_mmu = false;       ///< `run` can show it with --mmu host too: not with what is about stale translations
  bool races = false;          ///< accesses are left without an order: what ThreadSanitizer reports
  bool own_machinery = false;  ///< shown by machinery that serves this row alone: does not count
  std::string_view why_not{};  ///< in one line, why it can't be shown; empty: it can

  constexpr bool is_shown() const { return why_not.empty() && !(explore.empty() && run.empty()); }
};

/// All of them, by number.
std::span<const Exhibit> exhibits();
/// By number or safeguard, as a user types it ("z7" too); null: there is none.
const Exhibit* find_exhibit(std::string_view name);
/// The numbers and the safeguards of what there is, for an error.
std::string_view known_exhibits();

/// The parts of exhibits(), each in a file of its own.
std::span<const Exhibit> first_exhibits();  ///< Z1 to Z18
std::span<const Exhibit> later_exhibits();  ///< Z19 to Z38

}  // namespace hvo::stress
