// Kernels: the lookups that are timed and counted, as functions of one object file.
//
// kernels.cpp is built several times: into the library, and into shared objects that differ in nothing but where their
// functions lie (alignment, order), for placement alone moves times by a quarter. This header is what they offer, with
// C linkage and plain data, so that a program may load several.
#pragma once

#include <span>

#include "bench/jump_label/static_branch.h"
#include "core/base/types.h"

namespace hvo::bench {

/// Looks up the struct pages [first, last) (pfns) of the vmemmap at `base`; returns the sum of the answers.
/// `pressure`: kPressureBytes that a loop under cache pressure walks through; the others don't look at it.
using Loop = u64 (*)(u64 base, const u32* first, const u32* last, u64* pressure);
/// One lookup in a function of its own, as the kernel's compound_head() would be: what is counted and disassembled.
using Single = u64 (*)(u64 page);

/// Larger than the caches nearest to a core.
inline constexpr u64 kPressureBytes = u64{1} << 22;
/// Cache lines of it that are touched between two lookups.
inline constexpr u64 kPressureLines = 32;

/// A helper of the kernel in the form that one design gives it.
struct Kernel {
  const char* helper;  ///< compound_head, PageHead, PageTail, page_ref_add_unless
  const char* arm;
  Loop stream;    ///< independent of each other
  Loop chain;     ///< the address of each needs a word of the head found before; nullptr: not for this helper
  Loop pressure;  ///< independent, with other memory touched in between; nullptr likewise
  Single single;
};

/// What one object offers.
struct KernelTable {
  const Kernel* first = nullptr;
  const Kernel* last = nullptr;
  const char* compiler = nullptr;
  const char* flags = nullptr;
  /// Is one instruction, the return: what counts are taken against.
  Single only_return = nullptr;
  /// Its branches, for make_patched_key(); empty: it tests `key_flag` instead.
  const JumpEntry* first_jump = nullptr;
  const JumpEntry* last_jump = nullptr;
  std::atomic<bool>* key_flag = nullptr;
  /// The seed's global flag (hugetlb_free_vmemmap_enabled), for the arm that reads one.
  std::atomic<bool>* global_flag = nullptr;

  std::span<const Kernel> kernels() const { return {first, last}; }
};

}  // namespace hvo::bench

/// The table of the object that it is looked up in.
extern "C" const hvo::bench::KernelTable* hvo_lookup_kernels();
