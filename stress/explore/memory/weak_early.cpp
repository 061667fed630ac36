// Loads that are satisfied early, through a translation that a broadcast flush has dropped since.
#include "stress/explore/memory/weak_model.h"

namespace hvo::stress {

namespace {

/// Finds in page tables what stood there at some time.
class PastWalk final : public Engine {
 public:
  PastWalk(WeakModel& model, u32 id, ConstView view, u32 time) : model_(model), id_(id), view_(view), time_(time) {}
  void before(Cpu& /*cpu*/, const Access& /*access*/) override {}
  u64 perform(Cpu& /*cpu*/, const Access& access, void* word) override {
    return model_.walker_load_at(id_, view_, Part::of(word, access.size), time_, newest_, is_known_);
  }
  void wait(Cpu& /*cpu*/, WaitFor /*why*/, const void* /*word*/) override {}
  u32 choose(Cpu& /*cpu*/, Choice /*choice*/, u32 /*n*/) override { return 0; }
  void report(Cpu& /*cpu*/, const Violation& /*violation*/) override {}

  /// It was really so, and the CPU may not have known better.
  bool is_known() const { return is_known_; }
  /// When the newest of what was read had been stored; 0: before all stores.
  u32 newest() const { return newest_; }

 private:
  WeakModel& model_;
  u32 id_;
  ConstView view_;
  u32 time_;
  u32 newest_ = 0;
  bool is_known_ = true;
};

}  // namespace

// The processor drops translations; its loads that used them are done, and what the flusher had stored before is
// visible to its walks from now on. Nothing tells the CPU of it: its loads are ordered by its next acquire.
void WeakModel::serve_broadcast(u32 id, const void* posted) {
  const CpuParts& p = parts_[id];
  const Slot& slot = *reinterpret_cast<const Slot*>(static_cast<const std::byte*>(posted) - offsetof(Slot, posted));
  Knowledge& k = knowledge_[id];
  if (Word8* w = history_.find(Part::of(const_cast<void*>(posted), sizeof(u64)).word)) {
    ConstView seen = history_.version(*w, w->last).view();
    // What they hold beyond `current` is out of date once the flag is off.
    if (k.has_walked) {
      join(k.walked, seen);
    } else {
      copy(k.walked, seen);
    }
    if (k.has_flushed) {
      join(k.flushed, seen);
    } else {
      copy(k.flushed, seen);
    }
    k.has_walked = true;
    k.has_flushed = true;
  }
  const u32 time = history_.tick();
  k.served[place(k.nr_served, k.next_served, kServed)] = {slot.first.raw, slot.last.raw, time};
  keep_entries(id, p.pages, p.nr_pages, p.page_shift, slot.first.raw, slot.last.raw, time);
  keep_entries(id, p.blocks, p.nr_blocks, p.pmd_shift, slot.first.raw, slot.last.raw, time);
}

void WeakModel::keep_entries(u32 id, const TlbEntry* entries, u32 nr, u32 shift, u64 first, u64 last, u32 time) {
  Knowledge& k = knowledge_[id];
  for (u32 i = 0; i < nr; ++i) {
    const TlbEntry& e = entries[i];
    if (e.tag == TlbEntry::kEmpty || e.tag < first >> shift || e.tag > last >> shift) continue;
    const u64 start = e.tag << shift;
    k.kept[place(k.nr_kept, k.next_kept, kKept)] = {start, start + (u64{1} << shift) - 1, e.to_memory, time};
  }
}

u64 WeakModel::walker_load_at(u32 id, ConstView view, const Part& part, u32 time, u32& newest, bool& is_known) {
  Word8* w = history_.find(part.word);
  if (w == nullptr) return part.get(peek(part.word));
  const u32 v = version_at(*w, time);
  // Not even that is kept: what memory holds is a valid entry, whatever it is.
  if (v == kNever || v < history_.floor(*w, part.mask, id, view)) {
    is_known = false;
    return part.get(peek(part.word));
  }
  const u32 stored = history_.version(*w, v).time;
  if (newest < stored) newest = stored;
  return part.get(history_.value(*w, v));
}

// Through what the CPU had in its TLB, or through what a walk would have found, at a time after its last acquire and
// before it served the flush. From then on the translation is not used, so what is read was there when it was served.
void WeakModel::offer_early(const Load& l, const Part& part) {
  const Knowledge& k = knowledge_[l.id];
  const u64 va = l.access.object;
  for (u32 i = 0; i < k.nr_kept; ++i) {
    const Kept& kept = k.kept[i];
    if (va < kept.first || va > kept.last || l.after > kept.time) continue;
    offer_early(l, part, kept.to_memory + va, kept.time);
  }
  for (u32 i = 0; i < k.nr_served; ++i) {
    const Served& served = k.served[i];
    if (va < served.first || va > served.last || l.after > served.time) continue;
    offer_past_walks(l, part, served.time);
  }
}

// Back through the states of the page tables, to the last one that the CPU may not have known to be over.
void WeakModel::offer_past_walks(const Load& l, const Part& part, u32 served) {
  const CpuParts& p = parts_[l.id];
  if (p.walk == nullptr) return;
  u32 time = served;
  for (u32 i = 0; i < kPastWalks; ++i) {
    PastWalk past(*this, l.id, l.early, time);
    Engine* const engine = l.cpu.engine();
    l.cpu.attach(&past);
    const Translation t = p.walk(p.mmu, l.cpu, l.access.object);
    l.cpu.attach(engine);
    if (!past.is_known()) return;
    if (t.present) {
      const u64 within = (u64{1} << (t.is_block ? p.pmd_shift : p.page_shift)) - 1;
      offer_early(l, part, (u64{t.frame.v} << p.page_shift) + (l.access.object & within), served);
    }
    if (past.newest() == 0) return;
    time = past.newest() - 1;
  }
}

void WeakModel::offer_early(const Load& l, const Part& part, u64 offset, u32 time) {
  Part old = part;
  old.word = reinterpret_cast<u64*>(parts_[l.id].memory + (offset & ~u64{7}));
  if (Word8* w = history_.find(old.word)) {
    offer_early(l, old, *w, time);
  } else if (const u64 value = old.get(peek(old.word)); !is_offered(value)) {
    offer(value, nullptr, 0, 0);
  }
}

void WeakModel::offer_early(const Load& l, const Part& part, Word8& w, u32 time) {
  const u32 floor = history_.wrote(w, part.mask, history_.floor(w, part.mask, l.id, l.early));
  u32 v = version_at(w, time);
  if (v == kNever) return;
  for (v = history_.wrote(w, part.mask, v); v >= floor; v = history_.wrote(w, part.mask, v - 1)) {
    const u64 value = part.get(history_.value(w, v));
    if (!is_offered(value)) offer(value, &w, v, floor);
    if (v == floor) return;
  }
}

}  // namespace hvo::stress
