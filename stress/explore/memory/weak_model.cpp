#include "stress/explore/memory/weak_model.h"

namespace hvo::stress {

namespace {

constexpr u32 kViewsOfCpu = 5;

bool is_in(const void* word, const Slot* slots, u32 nr) { return word >= slots && word < slots + nr; }

u32 index_in(const void* word, const Slot* slots) {
  return static_cast<u32>((reinterpret_cast<u64>(word) - reinterpret_cast<u64>(slots)) / sizeof(Slot));
}

const std::byte* bytes_of(const Slot* slot) { return reinterpret_cast<const std::byte*>(slot); }

}  // namespace

// ---- construction
// -----------------------------------------------------------------------------------------------------

WeakModel::WeakModel(const CpuParts* parts, u32 nr_cpus)
    : nr_(nr_cpus),
      parts_(new CpuParts[nr_cpus]),
      knowledge_(new Knowledge[nr_cpus]),
      nr_rows_(nr_cpus * (kViewsOfCpu + kDependencies) + 3),
      rows_(new u32[u64{nr_rows_} * nr_cpus]),
      posted_to_idle_(new bool[u64{nr_cpus} * nr_cpus]),
      history_(nr_cpus) {
  View row = rows_;
  const auto next_row = [&row, nr_cpus] { return (row += nr_cpus) - nr_cpus; };
  full_ = next_row();
  view_ = next_row();
  early_ = next_row();
  for (u32 i = 0; i < nr_; ++i) {
    parts_[i] = parts[i];
    Knowledge& k = knowledge_[i];
    k.current = next_row();
    k.walked = next_row();
    k.flushed = next_row();
    k.all = next_row();
    k.fenced = next_row();
    for (Dependency& d : k.dependencies) d.view = next_row();
    for (const Slot* slots : {parts[i].mailbox, parts[i].tlbi}) {
      const u32 nr = slots == parts[i].mailbox ? nr_ : parts[i].nr_tlbi;
      if (nr == 0) continue;
      if (slots_first_ == nullptr || bytes_of(slots) < slots_first_) slots_first_ = bytes_of(slots);
      if (bytes_of(slots + nr) > slots_end_) slots_end_ = bytes_of(slots + nr);
    }
  }
  start();
}

WeakModel::~WeakModel() {
  delete[] parts_;
  delete[] knowledge_;
  delete[] rows_;
  delete[] posted_to_idle_;
}

void WeakModel::start() {
  history_.start();
  for (u64 i = 0; i < u64{nr_rows_} * nr_; ++i) rows_[i] = 0;
  for (u64 i = 0; i < u64{nr_} * nr_; ++i) posted_to_idle_[i] = false;
  for (u32 i = 0; i < nr_; ++i) {
    Knowledge& k = knowledge_[i];
    k.event = 0;
    k.read_old = nullptr;
    k.has_walked = false;
    k.has_flushed = false;
    k.nr_dependencies = 0;
    k.nr_served = 0;
    k.nr_kept = 0;
  }
  was_old_ = false;
}

// ---- accesses
// ---------------------------------------------------------------------------------------------------------

u64 WeakModel::perform(Cpu& cpu, u32 id, const Access& access, void* word, Chooser& chooser) {
  was_old_ = false;
  switch (access.kind) {
    case Kind::load:
    case Kind::walker_load: return load(cpu, id, access, word, chooser);
    case Kind::load_line: load_line({cpu, id, access, chooser}, word); return 0;
    case Kind::store:
    case Kind::plain_store: return store(cpu, id, access, word);
    case Kind::fetch_add:
    case Kind::fetch_or:
    case Kind::fetch_and:
    case Kind::exchange:
    case Kind::cmpxchg: return update(cpu, id, access, word);
    case Kind::fill_frame: fill_frame(id, access, word); break;
    // Of what nobody else sees: the newest value, and there is nothing to learn from it.
    case Kind::plain_load:
    case Kind::nothing: break;
  }
  return cpu.perform(access, word);
}

u64 WeakModel::store(Cpu& cpu, u32 id, const Access& access, void* word) {
  const Part part = Part::of(word, access.size);
  const u64 value = (peek(part.word) & ~part.mask) | (access.operand << part.shift & part.mask);
  // What nobody else sees, as it was: to read the old version or the new one is the same.
  if (access.kind == Kind::plain_store && value == peek(part.word)) return cpu.perform(access, word);
  Knowledge& k = knowledge_[id];
  Word8& w = history_.touch(part);
  const u32 event = next_event(id);
  const bool releases = access.order == MemoryOrder::release;
  if (releases) {
    const SlotWord slot = slot_word(word);
    if (slot.is_posted) post(id, slot);
  }
  if (access.space == Space::vmemmap) {
    // A load must not miss a store of its own CPU to the same address.
    k.nr_served = 0;
    k.nr_kept = 0;
  }
  const u64 result = cpu.perform(access, word);
  copy(history_.add(w, value, part.mask, id, event).view(), releases ? k.all : k.fenced);
  return result;
}

// An RMW is fully ordered; only a compare-exchange that fails is a relaxed load.
u64 WeakModel::update(Cpu& cpu, u32 id, const Access& access, void* word) {
  Knowledge& k = knowledge_[id];
  const SlotWord slot = access.kind == Kind::fetch_add ? slot_word(word) : SlotWord{};
  if (slot.is_posted && slot.is_tlbi) {
    bool& posted_to_idle = posted_to_idle_[slot.owner * nr_ + slot.from];
    if (!posted_to_idle) {
      serve_broadcast(id, word);
      return cpu.perform(access, word);
    }
    posted_to_idle = false;
  }
  const Part part = Part::of(word, access.size);
  Word8& w = history_.touch(part);
  Version& newest = history_.version(w, history_.wrote(w, part.mask, w.last));
  const u64 old = cpu.perform(access, word);
  if (access.kind == Kind::cmpxchg && old != access.expected) {
    const u32 version = history_.wrote(w, part.mask, w.last);
    if (version > history_.floor(w, part.mask, id, k.current)) {
      history_.observe(w, part.mask, id, next_event(id), version);
    }
    join(k.all, newest.view());
    return old;
  }
  join(k.all, newest.view());
  const u32 event = next_event(id);
  full_barrier(k);
  copy(history_.add(w, peek(part.word), part.mask, id, event).view(), k.all);
  return old;
}

void WeakModel::fill_frame(u32 id, const Access& access, void* frame) {
  Knowledge& k = knowledge_[id];
  auto* to = static_cast<u64*>(frame);
  const auto* from = static_cast<const u64*>(access.data);
  const u64 nr_words = (u64{1} << parts_[id].page_shift) / sizeof(u64);
  const u32 event = next_event(id);
  for (u64 i = 0; i < nr_words; ++i) {
    const u64 value = peek(from + i);
    if (value == peek(to + i)) continue;
    Word8& w = history_.touch({to + i, ~u64{0}, 0});
    copy(history_.add(w, value, ~u64{0}, id, event).view(), k.fenced);
  }
}

// ---- order
// ------------------------------------------------------------------------------------------------------------

void WeakModel::full_barrier(Knowledge& k) {
  join(k.all, full_);
  if (k.has_walked) join(k.all, k.walked);
  if (k.has_flushed) join(k.all, k.flushed);
  copy(k.current, k.all);
  copy(k.fenced, k.all);
  copy(full_, k.all);
  k.has_walked = false;
  k.has_flushed = false;
  k.nr_dependencies = 0;
  k.nr_served = 0;
  k.nr_kept = 0;
}

void WeakModel::acquired(Knowledge& k) {
  k.nr_served = 0;
  k.nr_kept = 0;
  if (!k.has_flushed) return;
  join(k.current, k.flushed);
  join(k.all, k.flushed);
  k.has_flushed = false;
}

WeakModel::SlotWord WeakModel::slot_word(const void* word) const {
  SlotWord found;
  if (word < slots_first_ || word >= slots_end_) return found;
  for (u32 i = 0; i < nr_; ++i) {
    const CpuParts& p = parts_[i];
    const bool is_mail = is_in(word, p.mailbox, nr_);
    if (!is_mail && !is_in(word, p.tlbi, p.nr_tlbi)) continue;
    const Slot* slots = is_mail ? p.mailbox : p.tlbi;
    found.owner = i;
    found.from = index_in(word, slots);
    found.is_tlbi = !is_mail;
    found.is_posted = word == &slots[found.from].posted;
    found.is_served = word == &slots[found.from].served;
    return found;
  }
  return found;
}

// Asking is a full barrier. An idle CPU is not waited for: what it did before is visible to who sees that it is idle.
void WeakModel::post(u32 id, const SlotWord& slot) {
  Knowledge& k = knowledge_[id];
  const bool is_idle =
      (*static_cast<const volatile u32*>(&parts_[slot.owner].state->attention.raw) & kAttentionIdle) != 0;
  if (is_idle) join(k.all, knowledge_[slot.owner].all);
  if (slot.is_tlbi && is_idle) posted_to_idle_[slot.owner * nr_ + slot.from] = true;
  full_barrier(k);
}

// That it knows of the newest store by now does not help: it has loaded before.
bool WeakModel::catch_up(u32 id, const void* word) {
  Knowledge& k = knowledge_[id];
  const Part part = Part::of(const_cast<void*>(word), sizeof(u8));
  Word8* w = history_.find(part.word);
  if (w == nullptr) return false;
  const u32 floor = history_.floor(*w, ~u64{0}, id, k.current);
  if (floor == w->last && k.read_old != part.word) return false;
  if (floor != w->last) history_.observe(*w, ~u64{0}, id, next_event(id), w->last);
  k.read_old = nullptr;
  return true;
}

}  // namespace hvo::stress
