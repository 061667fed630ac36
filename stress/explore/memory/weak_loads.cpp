#include "stress/explore/memory/weak_model.h"

namespace hvo::stress {

namespace {

constexpr u32 kNewest = WeakModel::kNever;

bool is_mask(u64 value) {
  const u64 low = ~(value & ~u64{1});
  return low != ~u64{0} && (low & (low + 1)) == 0;
}

/// The object lies in the struct page that `value`, loaded from `loaded`, names: its address, tagged or not, or the
/// mask that takes the struct page at `loaded` to it.
bool names(u64 value, u64 loaded, u64 object) {
  if (object - (value & ~u64{1}) < kStructPageSize) return true;
  const u64 page = ~u64{kStructPageSize - 1};
  return (value & 1) != 0 && is_mask(value) && ((loaded & value & page) == (object & page));
}

}  // namespace

// ---- one word
// ---------------------------------------------------------------------------------------------------------

u64 WeakModel::load(Cpu& cpu, u32 id, const Access& access, void* word, Chooser& chooser) {
  const u64 newest = cpu.perform(access, word);
  Knowledge& k = knowledge_[id];
  const Part part = Part::of(word, access.size);
  const bool acquires = access.order == MemoryOrder::acquire && access.kind == Kind::load;
  const bool may_be_early = k.nr_served != 0 && !acquires && access.space == Space::vmemmap;
  Word8* w = history_.find(part.word);
  u64 value = newest;
  if (w != nullptr || may_be_early) value = choose({cpu, id, access, chooser}, part, w, newest, may_be_early);
  was_old_ = value != newest;
  k.read_old = was_old_ ? part.word : nullptr;
  if (!acquires) return value;
  acquired(k);
  if (access.space == Space::physical && access.size == sizeof(u64) && !was_old_) {
    const SlotWord slot = slot_word(word);
    if (slot.is_served && slot.from == id) full_barrier(k);
  }
  return value;
}

u64 WeakModel::choose(Load l, const Part& part, Word8* w, u64 newest, bool may_be_early) {
  look_up_floor(l);
  nr_alternatives_ = 0;
  if (w != nullptr) {
    offer_versions(l, part, *w);
  } else {
    offer(newest, nullptr, 0, 0);
  }
  if (may_be_early) offer_early(l, part);
  const Alternative& from = alternatives_[nr_alternatives_ > 1 ? l.chooser.choose(l.cpu, nr_alternatives_) : 0];
  if (from.word != nullptr) read(l, from.value, from, part.mask);
  return from.value;
}

void WeakModel::look_up_floor(Load& l) {
  const Knowledge& k = knowledge_[l.id];
  const bool is_virtual = l.access.space == Space::vmemmap;
  const bool is_walked = k.has_walked && (is_virtual || l.access.kind == Kind::walker_load);
  l.view = k.current;
  l.early = k.current;
  if (!is_walked && k.nr_dependencies == 0) return;
  copy(view_, k.current);
  l.view = view_;
  if (is_walked) join(view_, k.walked);
  if (!is_virtual || k.nr_dependencies == 0) return;
  copy(early_, k.current);
  l.early = early_;
  for (u32 i = 0; i < k.nr_dependencies; ++i) {
    const Dependency& d = k.dependencies[i];
    if (!names(d.value, d.object, l.access.object)) continue;
    join(view_, d.view);
    join(early_, d.view);
    if (l.after < d.time) l.after = d.time;
  }
}

void WeakModel::offer(u64 value, Word8* word, u32 version, u32 floor) {
  if (nr_alternatives_ != kMostAlternatives) alternatives_[nr_alternatives_++] = {value, word, version, floor};
}

bool WeakModel::is_offered(u64 value) const {
  for (u32 i = 0; i < nr_alternatives_; ++i) {
    if (alternatives_[i].value == value) return true;
  }
  return false;
}

// From the newest down to the floor. Of neighbours with the same value only the oldest: to read it forbids the least.
void WeakModel::offer_versions(const Load& l, const Part& part, Word8& w) {
  const u32 floor = history_.wrote(w, part.mask, history_.floor(w, part.mask, l.id, l.view));
  for (u32 v = history_.wrote(w, part.mask, w.last);; v = history_.wrote(w, part.mask, v - 1)) {
    const u64 value = part.get(history_.value(w, v));
    if (nr_alternatives_ != 0 && alternatives_[nr_alternatives_ - 1].value == value) {
      alternatives_[nr_alternatives_ - 1].version = v;
    } else {
      offer(value, &w, v, floor);
    }
    if (v <= floor) return;
  }
}

u32 WeakModel::version_at(Word8& w, u32 time) {
  for (u32 v = w.last;; --v) {
    if (history_.version(w, v).time <= time) return v;
    if (v == w.first) return kNewest;
  }
}

void WeakModel::read(const Load& l, u64 value, const Alternative& from, u64 mask) {
  Knowledge& k = knowledge_[l.id];
  Version& v = history_.version(*from.word, from.version);
  const bool walks = l.access.kind == Kind::walker_load;
  if (walks && !covers(k.current, v.view())) {
    if (!k.has_walked) copy(k.walked, k.current);
    join(k.walked, v.view());
    k.has_walked = true;
  }
  if (l.access.order == MemoryOrder::acquire) {
    if (!walks) join(k.current, v.view());
  } else if (l.access.kind == Kind::load && v.time != 0 && (k.nr_served != 0 || !covers(k.current, v.view()))) {
    remember(k, l, value, v.view(), v.time);
  }
  join(k.all, v.view());
  if (from.version > from.floor) history_.observe(*from.word, mask, l.id, next_event(l.id), from.version);
}

void WeakModel::remember(Knowledge& k, const Load& l, u64 value, ConstView view, u32 time) {
  Dependency& d = k.dependencies[place(k.nr_dependencies, k.next_dependency, kDependencies)];
  d.value = value;
  d.object = l.access.object;
  d.time = time;
  copy(d.view, view);
}

// ---- a struct page
// ----------------------------------------------------------------------------------------------------

// Eight loads, but one choice: the page as it was at some moment, each word not below its floor. Moments are when one
// of its words changed.
void WeakModel::load_line(Load l, void* word) {
  l.cpu.perform(l.access, word);
  look_up_floor(l);
  auto* at = static_cast<u64*>(word);
  u32 times[kMostAlternatives];
  const u32 nr = moments_of_line(l, at, times);
  if (nr == 0) return;
  const u32 chosen = nr > 1 ? l.chooser.choose(l.cpu, nr) : 0;
  Line line;
  make_line(l, at, times[chosen], line);
  auto* out = static_cast<u64*>(l.access.data);
  for (u32 i = 0; i < kLineWords; ++i) {
    if (line.words[i] == nullptr) continue;
    const Alternative from{line.values[i], line.words[i], line.versions[i],
                           history_.floor(*line.words[i], ~u64{0}, l.id, l.view)};
    read(l, line.values[i], from, ~u64{0});
    was_old_ = was_old_ || out[i] != line.values[i];
    out[i] = line.values[i];
  }
}

u32 WeakModel::moments_of_line(const Load& l, u64* at, u32* times) {
  u32 nr = 0;
  for (u32 i = 0; i < kLineWords; ++i) {
    Word8* w = history_.find(at + i);
    if (w == nullptr) continue;
    if (nr == 0) times[nr++] = kNewest;
    const u32 floor = history_.floor(*w, ~u64{0}, l.id, l.view);
    for (u32 v = w->last; v > floor; --v) {
      const u32 before = history_.version(*w, v).time - 1;
      u32 place = nr;
      while (times[place - 1] < before) --place;
      if (times[place - 1] == before || place == kMostAlternatives) continue;
      if (nr < kMostAlternatives) ++nr;
      for (u32 j = nr - 1; j > place; --j) times[j] = times[j - 1];
      times[place] = before;
    }
  }
  return nr;
}

void WeakModel::make_line(const Load& l, u64* at, u32 time, Line& line) {
  for (u32 i = 0; i < kLineWords; ++i) {
    Word8* w = history_.find(at + i);
    line.words[i] = w;
    line.values[i] = peek(at + i);
    if (w == nullptr) continue;
    const u32 floor = history_.floor(*w, ~u64{0}, l.id, l.view);
    const u32 then = version_at(*w, time);
    line.versions[i] = then != kNewest && then > floor ? then : floor;
    line.values[i] = history_.value(*w, line.versions[i]);
  }
}

}  // namespace hvo::stress
