// Cpu: one simulated CPU, and the one seam between the simulated kernel and whatever runs it.
//
// What it guarantees
//   * Modelled memory (struct pages, PTEs, PMDs, locks, counters) is touched only through the calls below, with the
//     kernel's names and contracts. One call is one step.
//   * In a plain run a step is one ordinary atomic (or, for plain_*, ordinary) access: ThreadSanitizer sees exactly the
//     synchronisation that the simulated kernel has, and nothing of the simulator's.
//   * An access by virtual address is ONE instruction: schedule; serve pending interrupts as a step of their own and
//     schedule again; translate; access. Nothing is served between translation and access.
//   * Interrupts are served before each step and in every wait, unless local interrupts are off.
//   * Every wait for another CPU goes through wait_until(). A hand-written spin loop is a defect: under an engine it
//     would never end.
//
// Synchronises-with pairs. `attention` is one word, so posting and going idle are RMWs of the same location: either the
// post comes first and the idler sees it, or the idler comes first and the poster sees that; no fence is needed.
//   (1) leaving idle: fetch_and acq_rel      ↔ (2) posting: fetch_or acq_rel
//   (3) going idle: fetch_or acq_rel         ↔ (2): what the CPU did before is visible to whoever did not wait for it
//   (4) request posted: store release        ↔ (5) taken: fetch_add(0) acq_rel, the newest value, as an IPI orders
//   (6) request served: store release        ↔ (7) waited for: load acquire in wait_until, or looked at in post
//   (10) dozing off: fetch_or acq_rel        ↔ (2): the CPU sees the request, or the poster sees that it must wake
//   (11) taking requests up: fetch_and acq_rel ↔ (2): a request whose bit was cleared is seen, a later one sets it anew
//   (8) page-table entry stored: release (the kernel's smp_wmb + set_pte) ↔ (9) walker_load: acquire
#pragma once

#include <array>
#include <span>
#include <utility>

#include "core/base/geometry.h"
#include "core/cpu/access.h"
#include "core/cpu/diagnostics.h"
#include "core/cpu/direct.h"
#include "core/cpu/engine.h"
#include "core/cpu/trap.h"
#include "core/cpu/wiring.h"

/// Of what is seldom called where registers are precious: it saves all that it uses, so that the fast path keeps its
/// own in registers round a call that it does not make. Clang only; elsewhere the fast path spills, and is a little
/// slower. Such functions are noexcept: nothing throws here, and a way to unwind would keep the caller's variables in
/// memory.
#if defined(__clang__)
#define HVO_OFF_THE_FAST_PATH [[clang::preserve_most, gnu::noinline]]
#else
#define HVO_OFF_THE_FAST_PATH [[gnu::noinline]]
#endif

namespace hvo {

/// One simulated CPU. Not thread-safe: at each moment one host thread (or fiber) acts as this CPU. Others may only
/// call post().
class Cpu {
 public:
  explicit Cpu(const CpuWiring& wiring)
      : s_(wiring.state),
        fast_{.pages = wiring.tlb.pages.data(),
              .slot_mask = wiring.tlb.pages.size() - 1,
              .notes = wiring.frames != nullptr ? wiring.frames->notes.data() : nullptr,
              .memory = wiring.frames != nullptr ? wiring.frames->memory : nullptr,
              .page_shift = wiring.tlb.page_shift},
        w_(wiring) {}

  u32 id() const { return s_->id; }
  CpuState& state() { return *s_; }
  const CpuState& state() const { return *s_; }
  Diagnostics& diagnostics() { return *w_.diagnostics; }
  const CpuWiring& wiring() const { return w_; }
  /// Sets what walks the page tables. Call before the CPU runs.
  void set_mmu(void* mmu, WalkFn walk);
  /// From now on the host's own MMU translates [first, end): addresses there are addresses of the host. Idle CPU.
  void use_host_mmu(u64 first, u64 end);

  // ---- physical words: locks, page-table entries, counters, keys
  template <class T>
  T read_once(Word<T>& w) {
    return go(w, Kind::load, MemoryOrder::relaxed);
  }
  /// smp_load_acquire
  template <class T>
  T load_acquire(Word<T>& w) {
    return go(w, Kind::load, MemoryOrder::acquire);
  }
  template <class T>
  void write_once(Word<T>& w, T v) {
    go(w, Kind::store, MemoryOrder::relaxed, v);
  }
  /// smp_store_release
  template <class T>
  void store_release(Word<T>& w, T v) {
    go(w, Kind::store, MemoryOrder::release, v);
  }
  /// Adds and returns the old value. Fully ordered.
  template <class T>
  T fetch_add(Word<T>& w, T delta) {
    return go(w, Kind::fetch_add, MemoryOrder::full, delta);
  }
  template <class T>
  T xchg(Word<T>& w, T v) {
    return go(w, Kind::exchange, MemoryOrder::full, v);
  }
  /// Returns the old value; it stored `v` iff that equals `expected`. Fully ordered if it stored.
  template <class T>
  T cmpxchg(Word<T>& w, T expected, T v) {
    return go(w, Kind::cmpxchg, MemoryOrder::full, v, expected);
  }
  /// For what nobody else can see yet: recorded by an engine, but no step and no order.
  template <class T>
  T plain_load(Word<T>& w) {
    return finish(w, physical(w, Kind::plain_load, MemoryOrder::plain));
  }
  template <class T>
  void plain_store(Word<T>& w, T v) {
    finish(w, physical(w, Kind::plain_store, MemoryOrder::plain, v));
  }
  /// Fills a private frame from `from` (a frame's worth of bytes) with ordinary stores.
  void fill_frame(FrameNo frame, const std::byte* from);
  /// A load of the hardware walker: a step, but no interrupt is served at it.  (9)
  template <class T>
  [[gnu::always_inline]] T walker_load(Word<T>& w) {
    if (engine_ == nullptr) [[likely]]
      return ref(w).load(std::memory_order::acquire);
    return engine_walker_load(w);
  }

  // ---- virtual addresses of the vmemmap
  template <class T>
  T read_once_at(u64 va) {
    return go_at<T>(va, 0, Kind::load, MemoryOrder::relaxed);
  }
  /// The word at va + offset, which is in the same page as va. For the fields of a struct page: only its address is
  /// translated.
  template <class T>
  [[gnu::always_inline]] T read_once_in(u64 va, u64 offset) {
    return go_at<T>(va, offset, Kind::load, MemoryOrder::relaxed);
  }
  template <class T>
  T load_acquire_at(u64 va) {
    return go_at<T>(va, 0, Kind::load, MemoryOrder::acquire);
  }
  template <class T>
  [[nodiscard]] OrTrap<void> write_once_at(u64 va, T v) {
    s_->trapped = 0;
    go_at<T>(va, 0, Kind::store, MemoryOrder::relaxed, v);
    if (s_->trapped != 0) return std::unexpected(Trap{va});
    return {};
  }
  template <class T>
  [[nodiscard]] OrTrap<void> store_release_at(u64 va, T v) {
    s_->trapped = 0;
    go_at<T>(va, 0, Kind::store, MemoryOrder::release, v);
    if (s_->trapped != 0) return std::unexpected(Trap{va});
    return {};
  }
  template <class T>
  [[nodiscard]] OrTrap<T> fetch_add_at(u64 va, T delta) {
    return rmw_at<T>(va, Kind::fetch_add, delta);
  }
  template <class T>
  [[nodiscard]] OrTrap<T> fetch_or_at(u64 va, T bits) {
    return rmw_at<T>(va, Kind::fetch_or, bits);
  }
  template <class T>
  [[nodiscard]] OrTrap<T> fetch_and_at(u64 va, T bits) {
    return rmw_at<T>(va, Kind::fetch_and, bits);
  }
  /// The old value. On a read-only page it traps whatever the comparison gives: the bus cycle is a write cycle
  /// (measured on x86; arm64 LSE likewise).
  template <class T>
  [[nodiscard]] OrTrap<T> cmpxchg_at(u64 va, T expected, T v) {
    return rmw_at<T>(va, Kind::cmpxchg, v, expected);
  }
  /// Copies the (live) page at `va` into private memory, one struct page a step, with marked loads.
  void copy_page(std::byte* to, u64 va);

  // ---- waiting, interrupts, idling
  /// The only way to wait for another CPU: until `pred` holds for the word's value, which is returned (acquire).  (7)
  template <class T, class Pred>
  T wait_until(WaitFor why, Word<T>& w, Pred pred);
  /// What wait_until does between two looks in a plain run: pauses at first, then yields, then sleeps a little. Not a
  /// step. For engines whose CPUs have host threads of their own.
  void relax();
  void local_irq_disable() { ++s_->irq_off; }
  void local_irq_enable() { --s_->irq_off; }
  bool irqs_disabled() const { return s_->irq_off != 0; }

  /// Asks this CPU for something, on behalf of `from`. Returns the number to wait for in mailbox slot `from.id()`, or
  /// 0 if this CPU was idle: then there is nothing to wait for, it serves before its next step.  (2)(4)
  u64 post(Cpu& from, u32 what, u64 first, u64 last);
  /// The slot in which `from` posts such a request to this CPU.
  Slot& slot_of(const Cpu& from, u32 what) { return (is_tlbi(what) ? w_.tlbi : w_.mailbox)[from.id()]; }
  /// True for a request that is served with interrupts off too.
  bool is_tlbi(u32 what) const { return what == kRequestFlush && w_.flush_by == FlushBy::broadcast; }
  /// Leaves idle; serves what was posted meanwhile.  (1)
  void run();
  /// Goes idle. The CPU must hold no lock and be in no RCU section.  (3)
  void idle();
  /// Serves broadcast flushes, and the mailbox, unless interrupts are off. Requests for a quiescent state wait for the
  /// end of an RCU section.
  void serve();

  /// An instruction that touches no modelled memory, but before which others may run and interrupts are served.
  void step_without_access() {
    if (ref(s_->attention).load(std::memory_order::relaxed) != 0) [[unlikely]]
      begin({.kind = Kind::nothing});
  }

  // ---- engine, detectors
  /// Attaches an engine (or none). Call while the CPU is idle and nobody posts to it.
  void attach(Engine* engine);
  Engine* engine() const { return engine_; }
  /// For engines that don't want to change values: does the access, as Engine::perform must.
  u64 perform(const Access& a, void* word);
  /// Reports a violation: to the engine, else to the CPU's log. Never a step.
  void report(Violation v);
  HVO_DETECTOR void count(Event e, u64 n = 1) { w_.diagnostics->counts[e] += n; }
  void record(Mark mark, u64 object, u64 value);
  bool choose(Choice c) { return engine_ != nullptr && engine_->choose(*this, c, 2) != 0; }
  Op op() const { return w_.diagnostics->activity.op.load(std::memory_order::relaxed); }
  /// Arena offset of an object: its name in accesses and reports.
  u64 name_of(const void* p) const { return static_cast<u64>(static_cast<const std::byte*>(p) - w_.arena); }

 private:
  template <class T>
  [[gnu::always_inline]] Access physical(Word<T>& w, Kind kind, MemoryOrder order, T operand = 0,
                                         T expected = 0) const {
    return {
        kind, order, sizeof(T), Space::physical, name_of(&w), static_cast<u64>(operand), static_cast<u64>(expected)};
  }
  [[gnu::always_inline]] static Access at(u64 va, Kind kind, MemoryOrder order, u8 size, u64 operand = 0,
                                          u64 expected = 0) {
    return {kind, order, size, Space::vmemmap, va, operand, expected};
  }
  template <class T>
  [[gnu::noinline]] T engine_walker_load(Word<T>& w) {
    const Access a = physical(w, Kind::walker_load, MemoryOrder::acquire);
    engine_->before(*this, a);
    return finish(w, a);
  }
  /// Schedules the access, and serves what is pending as steps of its own.
  void begin(const Access& a);
  template <class T>
  [[gnu::always_inline]] T finish(Word<T>& w, const Access& a) {
    return engine_ != nullptr ? static_cast<T>(engine_->perform(*this, a, &w)) : direct(w, a);
  }
  /// One access to a word. Its parts are constants where it is called, and scalars where it leaves the fast path, so
  /// that no Access is built before one is needed.
  template <class T>
  [[gnu::always_inline]] T go(Word<T>& w, Kind kind, MemoryOrder order, T operand = 0, T expected = 0) {
    if (ref(s_->attention).load(std::memory_order::relaxed) != 0) [[unlikely]] {
      return kind == Kind::load ? slow_load(w, order) : slow(w, kind, order, operand, expected);
    }
    return direct(w, Access{.kind = kind, .order = order, .operand = operand, .expected = expected});
  }
  template <class T>
  HVO_OFF_THE_FAST_PATH T slow_load(Word<T>& w, MemoryOrder order) noexcept {
    return slow(w, Kind::load, order, T{0}, T{0});
  }
  template <class T>
  HVO_OFF_THE_FAST_PATH T slow(Word<T>& w, Kind kind, MemoryOrder order, T operand, T expected) noexcept {
    const Access a = physical(w, kind, order, operand, expected);
    begin(a);
    return finish(w, a);
  }
  /// The same by virtual address.
  template <class T>
  [[gnu::always_inline]] T go_at(u64 va, u64 offset, Kind kind, MemoryOrder order, T operand = 0, T expected = 0);
  template <class T>
  HVO_OFF_THE_FAST_PATH T slow_load_at(u64 va, MemoryOrder order) noexcept {
    return slow_at(va, Kind::load, order, T{0}, T{0});
  }
  template <class T>
  [[gnu::noinline]] T slow_at(u64 va, Kind kind, MemoryOrder order, T operand, T expected) {
    const Access a = at(va, kind, order, sizeof(T), operand, expected);
    if (ref(s_->attention).load(std::memory_order::relaxed) != 0) begin(a);
    const Place place = translate(va);
    if (place.address == nullptr) return T{};
    auto& word = *reinterpret_cast<Word<T>*>(place.address);
    if (a.is_write() && !place.is_writable) return store_to_read_only(word, a);
    return finish(word, a);
  }
  /// The store does not happen, unless the host's MMU lets it: only that knows. With ll_sc, the trap of a
  /// compare-exchange that fails does not happen either.
  template <class T>
  T store_to_read_only(Word<T>& word, const Access& a) {
    if (is_on_host(a.object)) {
      return static_cast<T>(engine_ != nullptr ? engine_->perform(*this, a, &word) : perform(a, &word));
    }
    if (w_.ll_sc && a.kind == Kind::cmpxchg) {
      Access load = a;
      load.kind = Kind::load;
      load.order = MemoryOrder::relaxed;
      const T seen = finish(word, load);
      if (seen != static_cast<T>(a.expected)) return seen;
    }
    trap(a.object);
    return T{};
  }
  template <class T>
  OrTrap<T> rmw_at(u64 va, Kind kind, T operand, T expected = 0) {
    s_->trapped = 0;
    const T old = go_at<T>(va, 0, kind, MemoryOrder::full, operand, expected);
    if (s_->trapped != 0) return std::unexpected(Trap{va});
    return old;
  }
  struct Place {
    std::byte* address = nullptr;  ///< on the host
    bool is_writable = false;      ///< for certain
  };
  bool is_on_host(u64 va) const { return va - w_.host_first < w_.host_end - w_.host_first; }
  /// Where `va` is, through the TLB or a walk; no address when it is not mapped, which has been reported.
  Place translate(u64 va);
  /// Reports a store through a read-only PTE.
  void trap(u64 va);
  u32 served_now() const { return s_->irq_off == 0 ? u32{kAttentionInterrupt | kAttentionTlbi} : u32{kAttentionTlbi}; }
  const TlbEntry* fill(u64 va);
  /// Keeps the page at `va` of a block's entry beside the pages, where the fast path looks. Not under an engine, whose
  /// states it would only multiply.
  const TlbEntry& keep_page_of(const TlbEntry& block, u64 va);
  /// True when the frame behind `frame` left its owner after the entry was filled. A detector, not a step.
  HVO_DETECTOR bool is_stale(u64 frame_and_epoch) const {
    const auto frame = static_cast<u32>(frame_and_epoch);
    return ref(fast_.notes[frame].epoch).load(std::memory_order::relaxed) > frame_and_epoch >> 32;
  }
  void serve_slot(Slot& slot);
  void serve_tlbi(Slot& slot);
  void note_wait(WaitFor why, u64 object);

  /// What the fast path needs of the wiring, side by side.
  struct FastPath {
    const TlbEntry* pages = nullptr;
    u64 slot_mask = 0;
    FrameNote* notes = nullptr;
    std::byte* memory = nullptr;
    u8 page_shift = 12;
  };

  CpuState* s_;
  Engine* engine_ = nullptr;
  FastPath fast_;
  CpuWiring w_;
  u32 nr_relaxed_ = 0;  ///< since the wait began
};

template <class T>
inline T Cpu::go_at(u64 va, u64 offset, Kind kind, MemoryOrder order, T operand, T expected) {
  const Access a = at(va + offset, kind, order, sizeof(T), operand, expected);
  const u64 page = va >> fast_.page_shift;
  const TlbEntry& e = fast_.pages[page & fast_.slot_mask];
  if (ref(s_->attention).load(std::memory_order::relaxed) == 0 && e.tag == page && (!a.is_write() || e.writable != 0) &&
      !is_stale(e.frame_and_epoch)) [[likely]] {
    return direct(*reinterpret_cast<Word<T>*>(fast_.memory + (e.to_memory + va) + offset), a);
  }
  if (kind == Kind::load) return slow_load_at<T>(va + offset, order);
  return slow_at<T>(va + offset, kind, order, operand, expected);
}

template <class T, class Pred>
T Cpu::wait_until(WaitFor why, Word<T>& w, Pred pred) {
  T v = load_acquire(w);
  if (pred(v)) return v;
  const u64 served = s_->nr_served;
  note_wait(why, name_of(&w));
  nr_relaxed_ = 0;
  while (!pred(v)) {
    if (engine_ != nullptr) {
      engine_->wait(*this, why, &w);
    } else {
      relax();
    }
    v = load_acquire(w);
  }
  note_wait(WaitFor::nothing, 0);
  if (s_->nr_served != served) count(Event::window_wait_served_interrupt);
  return v;
}

/// Names what the CPU is doing, for reports, the watchdog and the flight recorder. Nests. `recorded`: false for what is
/// too short and frequent to be worth two entries (lookups).
class OpScope {
 public:
  OpScope(Cpu& cpu, Op op, bool recorded = true) : cpu_(cpu), outer_(cpu.op()), recorded_(recorded) {
    set(op);
    if (recorded_) cpu_.record(Mark::op_begin, 0, 0);
  }
  ~OpScope() {
    if (recorded_) cpu_.record(Mark::op_end, 0, 0);
    set(outer_);
  }
  OpScope(const OpScope&) = delete;
  OpScope& operator=(const OpScope&) = delete;

 private:
  void set(Op op) { cpu_.diagnostics().activity.op.store(op, std::memory_order::relaxed); }
  Cpu& cpu_;
  Op outer_;
  bool recorded_;
};

}  // namespace hvo
