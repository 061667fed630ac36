// What the machine shows of itself where the kernel has files for it.
#pragma once

#include "core/machine/machine.h"
#include "tests/kernel/trace.h"

namespace hvo::kernel {

/// Bits of an entry of /proc/kpageflags (include/uapi/linux/kernel-page-flags.h): KPF_COMPOUND_HEAD, KPF_COMPOUND_TAIL,
/// KPF_HUGE, KPF_HWPOISON.
inline constexpr unsigned kKpfHead = 15;
inline constexpr unsigned kKpfTail = 16;
inline constexpr unsigned kKpfHuge = 17;
inline constexpr unsigned kKpfHwpoison = 19;

/// Those bits of one pfn, by the lookups of the machine's design. Source: stable_page_flags().
u64 kpageflags(Machine& machine, Cpu& cpu, Pfn pfn);
/// The struct pages of one hugepage of a pool.
FolioCheck check_folio(Machine& machine, Cpu& cpu, Pfn head, Order order);
/// How they are mapped.
FolioState state_of(Machine& machine, Cpu& cpu, Pfn head, Order order);

}  // namespace hvo::kernel
