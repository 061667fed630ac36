#include "core/cpu/cpu.h"

#include <algorithm>

#include "core/cpu/guarded_access.h"
#include "core/cpu/host_thread.h"

namespace hvo {

namespace {
constexpr auto kRelaxed = std::memory_order::relaxed;
constexpr auto kAcqRel = std::memory_order::acq_rel;
}  // namespace

void Cpu::set_mmu(void* mmu, WalkFn walk) {
  w_.mmu = mmu;
  w_.walk = walk;
}

void Cpu::use_host_mmu(u64 first, u64 end) {
  w_.host_first = first;
  w_.host_end = end;
  w_.tlb.flush(0, ~u64{0});  // and stays empty, so that no access takes the fast path
}

void Cpu::begin(const Access& a) {
  if (engine_ != nullptr) engine_->before(*this, a);
  // The interrupt handler is a step of its own: afterwards the access is scheduled anew, so that others may run
  // between.
  while ((ref(s_->attention).load(kRelaxed) & served_now()) != 0) {
    serve();
    if (engine_ != nullptr) engine_->before(*this, a);
  }
}

void Cpu::fill_frame(FrameNo frame, const std::byte* from) {
  const Access a{Kind::fill_frame, MemoryOrder::plain, 0, Space::frame, frame.v, 0, 0, const_cast<std::byte*>(from)};
  std::byte* to = w_.frames->address(frame);
  if (engine_ != nullptr) {
    engine_->perform(*this, a, to);
  } else {
    std::memcpy(to, from, u64{1} << w_.frames->page_shift);
  }
}

void Cpu::copy_page(std::byte* to, u64 va) {
  const u64 end = va + (u64{1} << w_.tlb.page_shift);
  for (; va != end; va += kStructPageSize, to += kStructPageSize) {
    std::array<u64, 8> line{};
    Access a = at(va, Kind::load_line, MemoryOrder::relaxed, kStructPageSize);
    a.data = line.data();
    if (ref(s_->attention).load(kRelaxed) != 0) begin(a);
    const Place place = translate(va);
    if (place.address == nullptr) continue;
    if (engine_ != nullptr) {
      engine_->perform(*this, a, place.address);
    } else {
      direct_load_line(place.address, line.data());
    }
    std::memcpy(to, line.data(), kStructPageSize);
  }
}

Cpu::Place Cpu::translate(u64 va) {
  if (is_on_host(va)) return {reinterpret_cast<std::byte*>(va), false};
  const Tlb& tlb = w_.tlb;
  const TlbEntry* e = &tlb.page_slot(va);
  if (e->tag != va >> tlb.page_shift) {
    const TlbEntry& block = tlb.block_slot(va);
    e = block.tag == va >> tlb.pmd_shift ? &block : nullptr;
  }
  if (e != nullptr && choose(Choice::tlb_evict)) {
    w_.tlb.flush(va, va);
    e = nullptr;
  }
  if (e == nullptr) e = fill(va);
  if (e == nullptr) return {};
  if (engine_ == nullptr && e == &tlb.block_slot(va)) e = &keep_page_of(*e, va);

  const u64 offset = e->to_memory + va;
  const FrameNo frame{static_cast<u32>(offset >> tlb.page_shift)};
  if (is_stale(TlbEntry::of(frame, e->epoch()))) {
    report({.rule = Rule::stale_translation,
            .object = va,
            .expected = e->epoch(),
            .seen = w_.frames->epoch_of(frame),
            .what = "access through a TLB entry whose frame has left its owner since the fill (epochs)"});
  }
  return {fast_.memory + offset, e->writable != 0};
}

const TlbEntry& Cpu::keep_page_of(const TlbEntry& block, u64 va) {
  TlbEntry& e = w_.tlb.page_slot(va);
  e = block;
  e.tag = va >> w_.tlb.page_shift;
  e.frame_and_epoch = TlbEntry::of({static_cast<u32>((block.to_memory + va) >> w_.tlb.page_shift)}, block.epoch());
  e.from_block = 1;
  return e;
}

void Cpu::trap(u64 va) {
  s_->trapped = 1;
  record(Mark::trap, va, 0);
  report({.rule = Rule::read_only_store, .object = va, .what = "store or RMW through a read-only PTE"});
}

const TlbEntry* Cpu::fill(u64 va) {
  count(Event::tlb_fill);
  const Translation t = w_.walk != nullptr ? w_.walk(w_.mmu, *this, va) : Translation{};
  if (!t.present) {
    s_->trapped = 1;
    report({.rule = Rule::range, .object = va, .what = "access to a virtual address that is not mapped"});
    return nullptr;
  }
  const u8 shift = t.is_block ? w_.tlb.pmd_shift : w_.tlb.page_shift;
  const u64 to_memory = (u64{t.frame.v} << w_.tlb.page_shift) - ((va >> shift) << shift);
  const FrameNo frame{static_cast<u32>((to_memory + va) >> w_.tlb.page_shift)};
  // Between the walk and the end of this instruction no correct kernel frees the frame: a flush would wait for us.
  const FrameState state = w_.frames->state_of(frame);
  if (state == FrameState::free || state == FrameState::cached) {
    report({.rule = Rule::stale_translation,
            .object = va,
            .expected = static_cast<u64>(FrameState::vmemmap),
            .seen = static_cast<u64>(state),
            .what = "the page tables map a frame that is free (frame states)"});
  }
  TlbEntry& e = t.is_block ? w_.tlb.block_slot(va) : w_.tlb.page_slot(va);
  e = {.tag = va >> shift,
       .to_memory = to_memory,
       .frame_and_epoch = TlbEntry::of(t.frame, ref(*w_.frames->clock).load(kRelaxed)),
       .writable = t.writable};
  return &e;
}

void Cpu::run() {
  if ((ref(s_->attention).fetch_and(~u32{kAttentionIdle}, kAcqRel) & served_now()) != 0) serve();  // (1)
}

void Cpu::idle() {
  if (s_->nr_held != 0 || s_->rcu_depth != 0 || s_->irq_off != 0) {
    report({.rule = Rule::lock_order,
            .object = s_->nr_held,
            .seen = s_->rcu_depth,
            .what = "a CPU went idle with locks held, interrupts off or inside an RCU section"});
  }
  while ((ref(s_->attention).fetch_or(kAttentionIdle, kAcqRel) & served_now()) != 0) {  // (3)
    ref(s_->attention).fetch_and(~u32{kAttentionIdle}, kAcqRel);                        // (1)
    serve();
  }
}

u64 Cpu::post(Cpu& from, u32 what, u64 first, u64 last) {
  Slot& slot = slot_of(from, what);
  const u32 bit = is_tlbi(what) ? kAttentionTlbi : kAttentionInterrupt;
  const u64 posted = ref(slot.posted).load(kRelaxed);
  if (ref(slot.served).load(std::memory_order::acquire) != posted) {  // (6): unserved, the CPU was idle: widen
    what |= ref(slot.what).load(kRelaxed);
    first = std::min(first, ref(slot.first).load(kRelaxed));
    last = std::max(last, ref(slot.last).load(kRelaxed));
  }
  ref(slot.what).store(what, kRelaxed);
  ref(slot.first).store(first, kRelaxed);
  ref(slot.last).store(last, kRelaxed);
  const Access a = from.physical(slot.posted, Kind::store, MemoryOrder::release, posted + 1);
  from.finish(slot.posted, a);                                // (4)
  const u32 was = ref(s_->attention).fetch_or(bit, kAcqRel);  // (2)
  if ((was & kAttentionDozing) != 0) wake_host_thread(s_->attention);
  return (was & kAttentionIdle) != 0 ? 0 : posted + 1;
}

void Cpu::serve() {
  if (w_.flush_by == FlushBy::broadcast) {
    ref(s_->attention).fetch_and(~u32{kAttentionTlbi}, kAcqRel);  // (11)
    for (Slot& slot : w_.tlbi) serve_tlbi(slot);
  }
  if (s_->irq_off != 0) return;
  ref(s_->attention).fetch_and(~u32{kAttentionInterrupt}, kAcqRel);  // (11)
  for (Slot& slot : w_.mailbox) serve_slot(slot);
}

void Cpu::serve_slot(Slot& slot) {
  // A cheap look first: most slots are empty. A request posted after it raises the interrupt bit again.
  if (ref(slot.posted).load(kRelaxed) == ref(slot.served).load(kRelaxed)) return;
  const u64 posted = finish(slot.posted, physical(slot.posted, Kind::fetch_add, MemoryOrder::full));  // (5)
  const u32 what = ref(slot.what).load(kRelaxed);
  if ((what & kRequestFlush) != 0) {
    w_.tlb.flush(ref(slot.first).load(kRelaxed), ref(slot.last).load(kRelaxed));
  }
  if ((what & kRequestQuiesce) != 0 && s_->rcu_depth != 0) {
    s_->deferred = 1;  // rcu_read_unlock serves again
    return;
  }
  ++s_->nr_served;
  // Counted here, not where lookups are checked: one that is not interrupted pays nothing for it.
  if (op() == Op::compound_head) count(Event::window_flush_served_mid_lookup);
  count(Event::ipi_served);
  record(Mark::served, name_of(&slot), posted);
  finish(slot.served, physical(slot.served, Kind::store, MemoryOrder::release, posted));  // (6)
}

void Cpu::serve_tlbi(Slot& slot) {
  if (ref(slot.posted).load(kRelaxed) == ref(slot.served).load(kRelaxed)) return;
  const u64 posted = finish(slot.posted, physical(slot.posted, Kind::fetch_add, MemoryOrder::full));  // (5)
  w_.tlb.flush(ref(slot.first).load(kRelaxed), ref(slot.last).load(kRelaxed));
  ++s_->nr_served;
  if (op() == Op::compound_head) count(Event::window_flush_served_mid_lookup);
  count(Event::tlbi_served);
  record(Mark::served, name_of(&slot), posted);
  finish(slot.served, physical(slot.served, Kind::store, MemoryOrder::release, posted));  // (6)
}

void Cpu::attach(Engine* engine) {
  engine_ = engine;
  if (engine != nullptr) {
    ref(s_->attention).fetch_or(kAttentionEngine, kRelaxed);
  } else {
    ref(s_->attention).fetch_and(~u32{kAttentionEngine}, kRelaxed);
  }
}

u64 Cpu::perform(const Access& a, void* word) {
  if (a.space != Space::vmemmap || !a.is_write() || !is_on_host(a.object)) {
    return perform_directly(a, word, u64{1} << w_.frames->page_shift);
  }
  const std::optional<u64> value = perform_guarded(a, word);
  if (!value) trap(a.object);
  return value.value_or(0);
}

void Cpu::report(Violation v) {
  v.cpu = static_cast<u8>(id());
  v.op = op();
  record(Mark::violation, v.object, v.seen);
  w_.diagnostics->violations.add(v);
  if (engine_ != nullptr) engine_->report(*this, v);
}

void Cpu::record(Mark mark, u64 object, u64 value) {
  if (mark != Mark::served && mark != Mark::wait) {
    std::atomic<u64>& nr = w_.diagnostics->activity.nr_marks;
    nr.store(nr.load(kRelaxed) + 1, kRelaxed);
  }
  if (w_.diagnostics->recording) w_.diagnostics->recorder.record(mark, op(), object, value);
}

// Most waits are over in a moment. One that is not is for a CPU whose host thread has no core; on a host with fewer
// cores than CPUs all would wait for each other by turns of the scheduler. So the thread sleeps; a request wakes it,
// and what it waits for it sees a little late.
void Cpu::relax() {
  constexpr u32 kPausesPerYield = 64;
  constexpr u32 kYields = 32;
  constexpr u32 kDozeMicroseconds = 100;
  if (++nr_relaxed_ % kPausesPerYield != 0) return __builtin_ia32_pause();
  if (nr_relaxed_ < kPausesPerYield * kYields) return yield_host_thread();
  const u32 seen = ref(s_->attention).fetch_or(kAttentionDozing, kAcqRel);  // (10)
  if ((seen & served_now()) == 0) sleep_host_thread(s_->attention, seen | kAttentionDozing, kDozeMicroseconds);
  ref(s_->attention).fetch_and(~u32{kAttentionDozing}, kRelaxed);  // what was posted meanwhile is taken up by (11)
}

void Cpu::note_wait(WaitFor why, u64 object) {
  Activity& activity = w_.diagnostics->activity;
  activity.wait_object.store(object, kRelaxed);
  activity.wait.store(why, kRelaxed);
  if (why != WaitFor::nothing) record(Mark::wait, object, static_cast<u64>(why));
}

}  // namespace hvo
