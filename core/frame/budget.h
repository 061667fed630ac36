// Budget: how many pages the machine has left. One counter for both number spaces.
//
// The kernel has one kind of page; hvolab keeps frames with bytes apart from pages with a struct page. Both allocators
// charge this counter, so that "out of memory" and "free" mean what they mean there. It is the first thing taken and
// the last thing given back, so a charge that succeeded stands for a page that is there.
#pragma once

#include "core/base/arena.h"
#include "core/cpu/cpu.h"

namespace hvo {

/// The free pages of a machine (NR_FREE_PAGES of /proc/vmstat). Thread-safe without a lock; copies share the counter.
class Budget {
 public:
  /// A budget of `nr_pages`, all free.
  Budget(Arena& arena, u64 nr_pages) : free_(&arena.make<Word<u64>>(nr_pages)), total_(nr_pages) {}

  /// Takes `n` pages, or none when fewer are free (false). One RMW a try; a loser of the race tries again.
  bool charge(Cpu& cpu, u64 n) {
    u64 seen = cpu.read_once(*free_);
    while (seen >= n) {
      const u64 old = cpu.cmpxchg(*free_, seen, seen - n);
      if (old == seen) return true;
      seen = old;
    }
    return false;
  }

  /// Gives `n` pages back. More than were ever charged is a Rule::conservation violation.
  void uncharge(Cpu& cpu, u64 n) {
    const u64 old = cpu.fetch_add(*free_, n);
    if (old + n <= total_) return;
    cpu.report({.rule = Rule::conservation,
                .object = cpu.name_of(free_),
                .expected = total_,
                .seen = old + n,
                .what = "more pages given back to the budget than were taken from it"});
  }

  u64 free_pages(Cpu& cpu) const { return cpu.read_once(*free_); }
  u64 total_pages() const { return total_; }
  /// For reports: the word that holds the count.
  const Word<u64>& word() const { return *free_; }

 private:
  Word<u64>* free_;
  u64 total_;
};

}  // namespace hvo
