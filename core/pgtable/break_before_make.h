// BreakBeforeMake: does anybody replace one valid translation by another one?
//
// Some architectures forbid it (arm64, s390): a CPU may then use either translation, or a mix of both. A valid entry
// must first be made invalid and flushed. HVO can't: other CPUs read the vmemmap at any time. That is why arm64
// switched it off (060a2c92d1b6) and s390 too (64e2f60f355e). Which designs break the rule, and where, is what this
// detector says. It asks about frames and block sizes; taking the right to write from an entry alone is legal.
// A detector: never a step, and it orders nothing.
#pragma once

#include <span>

#include "core/base/arena.h"
#include "core/cpu/cpu.h"
#include "core/pgtable/entry.h"

namespace hvo {

class BreakBeforeMake {
 public:
  /// Off: costs the caller one test.
  BreakBeforeMake() = default;
  /// On, for so many vmemmap pages.
  BreakBeforeMake(Arena& arena, u64 nr_pages) : unflushed_(arena.make_span<Word<u8>>(nr_pages)) {}
  bool is_on() const { return !unflushed_.empty(); }

  /// Page `page` of the vmemmap, at `va`, is about to be mapped by `now` instead of what `entry` holds. Call as the one
  /// CPU that may store to the entry. Reports break_before_make.
  HVO_OFF_THE_FAST_PATH HVO_DETECTOR void check_pte(Cpu& cpu, u64 page, u64 va, const Word<u64>& entry, Pte now) {
    const Pte old{ref(const_cast<Word<u64>&>(entry)).load(kRelaxed)};
    if (old.is_present() && now.is_present() && old.frame() != now.frame()) {
      report(cpu, va, old.v, now.v, "a valid PTE was replaced by one of another frame (expected: the old PTE)");
    }
    if (!old.is_present() && now.is_present() && ref(unflushed_[page]).load(kRelaxed) != 0) {
      report(cpu, va, old.v, now.v, "a PTE was made valid again before it was flushed (expected: the old PTE)");
    }
    if (old.is_present() && !now.is_present()) ref(unflushed_[page]).store(1, kRelaxed);
  }
  /// A PMD leaf is about to become a table, or the reverse.
  HVO_OFF_THE_FAST_PATH HVO_DETECTOR static void check_pmd(Cpu& cpu, u64 va, Pmd old, Pmd now) {
    if (!old.is_present() || !now.is_present() || old.is_leaf() == now.is_leaf()) return;
    report(cpu, va, old.v, now.v, "a valid PMD was replaced by one of another block size (expected: the old PMD)");
  }
  /// The translations of pages [first, end) are gone from every CPU.
  HVO_OFF_THE_FAST_PATH HVO_DETECTOR void flushed(u64 first, u64 end) {
    for (u64 page = first; page < end && page < unflushed_.size(); ++page) ref(unflushed_[page]).store(0, kRelaxed);
  }

 private:
  static constexpr auto kRelaxed = std::memory_order::relaxed;
  static void report(Cpu& cpu, u64 va, u64 old, u64 now, std::string_view what) {
    cpu.report({.rule = Rule::break_before_make, .object = va, .expected = old, .seen = now, .what = what});
  }

  std::span<Word<u8>> unflushed_;  ///< per page: 1, its PTE was made invalid and no flush followed yet
};

}  // namespace hvo
