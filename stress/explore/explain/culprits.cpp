#include "stress/explore/explain/culprits.h"

#include <algorithm>

#include "stress/explore/explain/object_names.h"

namespace hvo::stress {

namespace {

template <class T>
void add_once(std::vector<T>& list, T item) {
  if (std::ranges::find(list, item) == list.end()) list.push_back(item);
}

bool is_about_its_reads(Op op) {
  return op == Op::compound_head || op == Op::page_ref_add_unless || op == Op::folio_get ||
         op == Op::pfn_walk_filtered || op == Op::pfn_walk_unfiltered;
}

/// The moment at which it was reported; the end when it is not among them.
std::size_t moment_of(const Violation& v, const std::vector<Moment>& moments) {
  const auto is_it = [&](const Moment& m) {
    return m.what == Moment::What::violation && m.cpu == v.cpu && m.violation.rule == v.rule &&
           m.violation.object == v.object;
  };
  return static_cast<std::size_t>(std::ranges::find_if(moments, is_it) - moments.begin());
}

/// What the last operation `op` of a CPU before moment `end` read of struct pages, and the static key.
void add_reads(Culprits& culprits, Machine& machine, const std::vector<Moment>& moments, std::size_t end, u32 cpu,
               Op op) {
  bool has_begun = false;
  for (std::size_t i = std::min(end, moments.size()); i-- != 0;) {
    const Moment& m = moments[i];
    if (m.cpu != cpu || m.what != Moment::What::access) continue;
    if (m.op != op) {
      if (has_begun) return;
      continue;
    }
    has_begun = true;
    if (m.access.space == Space::vmemmap) culprits.add_field(m.access.object, m.access.size);
    if (m.word == &machine.vmemmap().key().enabled_word()) culprits.add_word(m.word);
  }
}

/// Locks of the class that has this rank.
void add_locks_of_rank(Culprits& culprits, u64 rank, Machine& machine, const std::vector<Moment>& moments) {
  LockRank held;
  held.v = static_cast<u16>(rank);
  if (rank < 16 || lock_class_name(held.lock_class()) == "?") return;
  const PastMemory memory(machine);
  const ObjectNames names(memory, moments);
  for (const Moment& m : moments) {
    if (m.what != Moment::What::access || m.access.space != Space::physical) continue;
    const Object object = names.of_word(m.word);
    if (object.is_lock() && object.name.starts_with(lock_class_name(held.lock_class()))) culprits.add_word(m.word);
  }
}

/// The PMDs of the vmemmap that somebody splits, or wants to.
void add_pmds(Culprits& culprits, Machine& machine, const std::vector<Moment>& moments) {
  const PageTable& table = machine.page_table();
  const PastMemory memory(machine);
  for (u64 va = table.vmemmap_base(); va < table.vmemmap_end(); va += table.geometry().pmd_size()) {
    const void* const pmd = memory.pmd_word(va);
    const bool is_split = std::ranges::any_of(moments, [pmd](const Moment& m) {
      return m.what == Moment::What::access && m.word == pmd && m.op == Op::vmemmap_split_pmd;
    });
    if (is_split) culprits.add_word(pmd);
  }
}

}  // namespace

void Culprits::add_field(u64 first, u64 size) {
  const auto is_known = [&](const Field& f) { return first >= f.first && first + size <= f.end; };
  if (!std::ranges::any_of(fields, is_known)) fields.push_back({first, first + size});
}

void Culprits::add_word(const void* word) { add_once(words, word); }

Culprits culprits_of(const Violation& violation, Machine& machine, const std::vector<Moment>& moments) {
  Culprits culprits;
  const std::size_t at = moment_of(violation, moments);
  const PageTable& table = machine.page_table();
  if (violation.object >= table.vmemmap_base() && violation.object < table.vmemmap_end()) {
    const bool is_whole = violation.rule == Rule::bad_page || violation.rule == Rule::wrong_head;
    const u64 size = at < moments.size() && moments[at].access.object == violation.object ? moments[at].access.size : 0;
    culprits.add_field(violation.object, is_whole ? kStructPageSize : std::max<u64>(size, sizeof(u32)));
  }
  if (violation.rule == Rule::wrong_head) culprits.add_field(violation.expected, kStructPageSize);
  if (violation.rule == Rule::lock_order) {
    add_locks_of_rank(culprits, violation.object, machine, moments);
    add_locks_of_rank(culprits, violation.expected, machine, moments);
  }
  if (violation.op == Op::vmemmap_split_pmd) add_pmds(culprits, machine, moments);
  if (is_about_its_reads(violation.op)) add_reads(culprits, machine, moments, at, violation.cpu, violation.op);
  return culprits;
}

Culprits culprits_of_reads(Machine& machine, const std::vector<Moment>& moments, u32 cpu, Op op) {
  Culprits culprits;
  add_reads(culprits, machine, moments, moments.size(), cpu, op);
  return culprits;
}

Culprits culprits_of_deadlock(const std::vector<Moment>& moments) {
  Culprits culprits;
  std::vector<u8> seen;
  for (std::size_t i = moments.size(); i-- != 0;) {
    const Moment& m = moments[i];
    if (std::ranges::find(seen, m.cpu) != seen.end()) continue;
    seen.push_back(m.cpu);
    if (m.what == Moment::What::wait) culprits.add_word(m.word);
  }
  return culprits;
}

CulpritPlaces::CulpritPlaces(const Culprits& culprits, Machine& machine, const std::vector<Moment>& moments)
    : page_size_(machine.config().geometry.page_size()) {
  for (const Culprits::Field& f : culprits.fields) {
    const u64 base = machine.page_table().vmemmap_base();
    if (f.first >= base && f.end <= machine.page_table().vmemmap_end()) fields_.push_back(f);
  }
  for (const void* word : culprits.words) add_bytes(static_cast<const std::byte*>(word), sizeof(u32));
  PastMemory memory(machine);
  look_at(memory);
  for (const Moment& m : moments) {
    memory.happened(m);
    if (m.what != Moment::What::access) continue;
    if (is_pte(m.word) || is_pmd(m.word)) look_at(memory);
    if (m.access.space != Space::vmemmap) continue;
    // Through a TLB it may have been a frame that is mapped no longer.
    for (const Culprits::Field& f : fields_) {
      const u64 first = std::max(f.first, m.access.object);
      const u64 end = std::min(f.end, m.access.object + m.access.size);
      if (first >= end) continue;
      add_bytes(static_cast<const std::byte*>(m.word) + (first - m.access.object), end - first);
    }
  }
}

void CulpritPlaces::look_at(const PastMemory& memory) {
  for (const Culprits::Field& f : fields_) {
    add_once(pmds_, memory.pmd_word(f.first));
    if (const void* pte = memory.pte_word(f.first)) add_once(ptes_, pte);
    if (const std::byte* at = memory.address_of(f.first)) add_bytes(at, f.end - f.first);
  }
}

void CulpritPlaces::add_bytes(const std::byte* first, u64 size) {
  const auto is_known = [&](const Bytes& b) { return first >= b.first && first + size <= b.end; };
  if (!std::ranges::any_of(bytes_, is_known)) bytes_.push_back({first, first + size});
}

bool CulpritPlaces::is_touched_by(const Moment& moment, u64 frame_bytes) const {
  if (moment.what != Moment::What::access || moment.word == nullptr) return false;
  const auto* first = static_cast<const std::byte*>(moment.word);
  const std::byte* end = first + (moment.access.kind == Kind::fill_frame ? frame_bytes : moment.access.size);
  return std::ranges::any_of(bytes_, [&](const Bytes& b) { return first < b.end && b.first < end; });
}

bool CulpritPlaces::is_pte(const void* word) const { return std::ranges::find(ptes_, word) != ptes_.end(); }

bool CulpritPlaces::is_pmd(const void* word) const { return std::ranges::find(pmds_, word) != pmds_.end(); }

bool CulpritPlaces::is_in_page_of(u64 va) const {
  const u64 page = align_down(va, page_size_);
  return std::ranges::any_of(fields_,
                             [&](const Culprits::Field& f) { return align_down(f.first, page_size_) == page; });
}

}  // namespace hvo::stress
