// culprits: the places that a story is about.
#pragma once

#include <vector>

#include "stress/explore/explain/past_memory.h"

namespace hvo::stress {

/// What must be shown of a schedule, whatever else is left out. Fields are meant wherever they lie: all frames that
/// hold them during the schedule, and so all other struct pages that are the same words.
struct Culprits {
  struct Field {
    u64 first = 0;  ///< addresses of the vmemmap
    u64 end = 0;
  };
  std::vector<Field> fields;
  std::vector<const void*> words;  ///< others: locks, the static key

  /// A field of struct page, or another word, once.
  void add_field(u64 first, u64 size);
  void add_word(const void* word);
};

/// The places that a violation is about, among `moments`, the schedule in which it was reported. A lookup or a walk is
/// about all that it read. `machine`: as for PastMemory.
Culprits culprits_of(const Violation& violation, Machine& machine, const std::vector<Moment>& moments);
/// For what was found to be wrong with the answer of a CPU's last operation `op`: the struct pages that it read, and
/// the static key.
Culprits culprits_of_reads(Machine& machine, const std::vector<Moment>& moments, u32 cpu, Op op);
/// For a schedule in which nobody can go on: what the CPUs wait for.
Culprits culprits_of_deadlock(const std::vector<Moment>& moments);

/// Culprits, found in the memory of a machine. Not thread-safe.
class CulpritPlaces {
 public:
  CulpritPlaces(const Culprits& culprits, Machine& machine, const std::vector<Moment>& moments);

  /// The access touches one of them.
  bool is_touched_by(const Moment& moment, u64 frame_bytes) const;
  /// Maps one of them, at some time.
  bool is_pte(const void* word) const;
  bool is_pmd(const void* word) const;
  /// One of them is in the page of vmemmap at this address.
  bool is_in_page_of(u64 va) const;

 private:
  struct Bytes {
    const std::byte* first = nullptr;
    const std::byte* end = nullptr;
  };
  void look_at(const PastMemory& memory);
  void add_bytes(const std::byte* first, u64 size);

  std::vector<Culprits::Field> fields_;
  u64 page_size_;
  std::vector<Bytes> bytes_;
  std::vector<const void*> ptes_;
  std::vector<const void*> pmds_;
};

}  // namespace hvo::stress
