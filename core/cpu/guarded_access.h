// guarded_access: stores and RMWs to memory that the host's MMU may hold read-only.
//
// What it guarantees
//   * Each store is one instruction of the host that stands in a table of its own, as a kernel's accesses to user
//     memory do. If it faults on a read-only page, the handler of SIGSEGV goes on behind it, nothing has been stored,
//     and the caller is told.
//   * Any other SIGSEGV goes to whoever handled it before.
#pragma once

#include <optional>
#include <string_view>

#include "core/cpu/access.h"

namespace hvo {

/// Why this build has no guarded accesses, in one clause; empty: it has.
std::string_view why_no_guarded_access();

/// Puts the handler in front of whatever handles SIGSEGV now. Again after anybody else has set one; costs nothing when
/// it is there. Not while another thread may fault.
void install_fault_guard();

/// Does the access, a store or RMW (not fill_frame), on the word of access.size bytes at `word`. Its value as by
/// perform_directly; nothing: the page is read-only. Fully ordered except for a store, which is a release. Any thread,
/// after install_fault_guard().
std::optional<u64> perform_guarded(const Access& access, void* word);

}  // namespace hvo
