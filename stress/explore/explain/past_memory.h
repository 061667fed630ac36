// PastMemory: what the memory of a machine held at each moment of a schedule.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "core/machine/machine.h"
#include "stress/explore/engine/moment.h"

namespace hvo::stress {

/// A copy of the machine's state when the schedule began, and what the CPUs did to it since. Moments are told in their
/// order. Not thread-safe.
class PastMemory {
 public:
  /// `machine`: every CPU idle, in the state in which the schedule began. It is only looked at here.
  explicit PastMemory(Machine& machine);

  /// `moment` has happened. All of a schedule's, in order.
  void happened(const Moment& moment);
  /// What the word held; nothing when that is not known: it was filled from private memory and not read since, or is
  /// not the machine's.
  std::optional<u64> read(const void* word, u8 size) const;

  // The page tables, as they are at this moment.
  Pmd pmd_at(u64 va) const;
  /// Nothing when the PMD is a leaf, or nothing, or the entry is not known.
  std::optional<Pte> pte_at(u64 va) const;
  const void* pmd_word(u64 va) const;
  /// Null when the PMD is not a table.
  const void* pte_word(u64 va) const;
  /// Where the byte at `va` is: through its PMD leaf or PTE, not through a TLB. Null when nothing maps it.
  const std::byte* address_of(u64 va) const;
  bool is_mapped_address(u64 va) const;

  Machine& machine() const { return machine_; }
  u64 frame_bytes() const;

 private:
  struct Part {
    const std::byte* first = nullptr;  ///< where it is in the machine
    std::vector<std::byte> bytes;
    std::vector<bool> is_unknown;  ///< per four bytes
  };
  static constexpr u64 kGrain = 4;

  const Part* part_of(const void* word, u64 size) const;
  void set(const void* word, u8 size, u64 value);
  void forget(const void* word, u64 size);
  /// `word` was a leaf and is a table now: its PTEs map the same frames, if nothing else is known of them.
  void note_split(const void* word, Pmd old, Pmd now);

  Machine& machine_;
  std::vector<Part> parts_;
};

/// The value that an access leaves in a word that held `old`. For loads: `old`.
u64 value_after(const Access& access, u64 old, u64 result);

}  // namespace hvo::stress
