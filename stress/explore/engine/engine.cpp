#include "stress/explore/engine/engine.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "core/base/check.h"
#include "stress/explore/engine/quiet.h"
#include "stress/explore/engine/requests.h"

namespace hvo::stress {

namespace {

constexpr u32 kNobody = Fibers::kOutside;

bool lies_in(const void* word, std::span<const Slot> slots) {
  return word >= slots.data() && word < slots.data() + slots.size();
}

}  // namespace

ExploringEngine::ExploringEngine(std::span<Cpu* const> cpus, const EngineOptions& options)
    : cpus_(cpus),
      nr_cpus_(static_cast<u32>(cpus.size())),
      options_(options),
      fibers_(nr_cpus_, &ExploringEngine::act, this),
      decisions_(std::make_unique_for_overwrite<u8[]>(kMostDecisions)) {
  HVO_CHECK(nr_cpus_ >= 1 && nr_cpus_ <= kMostCpus, "an exploration takes 1 to 8 CPUs");
  const FrameTable& frames = *cpus[0]->wiring().frames;
  memory_ = frames.memory;
  page_shift_ = frames.page_shift;
  memory_bytes_ = frames.nr_frames() << page_shift_;
  find_requests();
  if (options.weak) weak_ = std::make_unique<WeakMemory>(cpus);
}

ExploringEngine::~ExploringEngine() = default;

void ExploringEngine::find_requests() {
  const std::byte* end = nullptr;
  for (u32 i = 0; i < nr_cpus_; ++i) {
    const CpuWiring& w = cpus_[i]->wiring();
    for (const std::span<Slot> slots : {w.mailbox, w.tlbi}) {
      if (slots.empty()) continue;
      const auto bytes = std::as_bytes(slots);
      if (requests_ == nullptr || bytes.data() < requests_) requests_ = bytes.data();
      end = std::max(end, bytes.data() + bytes.size());
    }
  }
  requests_bytes_ = static_cast<u64>(end - requests_);
}

// What every step goes through is one function each for before() and perform(): calls would cost as much as what is
// done. A compiler does not see that by itself.
#define HVO_IN_EVERY_STEP [[gnu::always_inline]] inline

HVO_IN_EVERY_STEP u32 ExploringEngine::runnable() const {
  u32 can = ~(now_.done | now_.waiting);
  for (u32 waiting = now_.waiting; waiting != 0; waiting &= waiting - 1) {
    const Task& task = now_.tasks[static_cast<u32>(std::countr_zero(waiting))];
    // A CPU that waits with interrupts on can go on for its mailbox.
    const u32 attention = ref(task.cpu->state().attention).load(std::memory_order::relaxed);
    const u32 serves = kAttentionTlbi | (task.is_interruptible ? u32{kAttentionInterrupt} : 0U);
    if ((attention & serves) != 0) can |= waiting & -waiting;
  }
  return can;
}

HVO_IN_EVERY_STEP u32 ExploringEngine::note_decision(u32 decided) {
  if (now_.nr_decisions < kMostDecisions) decisions_[now_.nr_decisions++] = static_cast<u8>(decided);
  return decided;
}

HVO_IN_EVERY_STEP u32 ExploringEngine::pick(u32 current, bool may_stay) {
  now_.was_picked = false;
  now_.has_met = false;
  const u32 can = runnable();
  if (can == 0) return kNobody;
  if (std::has_single_bit(can)) return static_cast<u32>(std::countr_zero(can));
  if (now_.nr_decisions >= checkpoint_at_ && current != kNobody) [[unlikely]]
    leave_for_checkpoint(current);
  std::array<u8, kMostCpus> cpus;  // the first n are
  u32 n = 0;
  u32 others = can;
  const bool can_go_on = current != kNobody && (can >> current & 1U) != 0;
  if (can_go_on) {
    cpus[n++] = static_cast<u8>(current);
    others &= ~(1U << current);
  }
  for (; others != 0; others &= others - 1) cpus[n++] = static_cast<u8>(std::countr_zero(others));
  const bool can_stay = can_go_on && may_stay && !now_.has_only_served;
  const u32 next =
      cpus[note_decision(strategy_->pick({.current = current, .can_stay = can_stay, .nr = n, .cpus = cpus.data()}))];
  now_.was_picked = can_stay && next == current;
  return next;
}

inline void ExploringEngine::go_to(u32 current, u32 next) {
  if (next == current) return;
  {
    const Quiet quiet;
    now_.is_new_turn = true;
    now_.has_only_served = false;
    ++now_.nr_switches;
    if (next == kNobody) end_ = End::deadlock;
  }
  fibers_.hand_over(current, next);
}

void ExploringEngine::stop(u32 current, End end) {
  {
    const Quiet quiet;
    end_ = end;
  }
  fibers_.hand_over(current, Fibers::kOutside);
}

void ExploringEngine::before(Cpu& cpu, const Access& access) {
  const u32 current = cpu.id();
  u32 next = current;
  bool endless = false;
  {
    const Quiet quiet;
    Task& task = now_.tasks[current];
    now_.waiting &= ~(1U << current);
    now_.last_cpu = current;
    if (counts_steps_) strategy_->step(current);
    ++task.nr_steps;
    endless = ++now_.nr_steps > options_.most_steps;
    // In the middle of an instruction: it has gone on.
    if (access.kind == Kind::walker_load) now_.has_only_served = false;
    // Inside a read section a CPU answers otherwise: to enter or leave one is not the same before and after others.
    const u32 depth = cpu.state().rcu_depth;
    if (std::exchange(task.rcu_depth, depth) != depth) {
      now_.has_met = true;
      now_.has_only_served = false;
    }
    if (footprints_ != nullptr) note_place(task, access);
    if (!endless) next = pick(current);
  }
  if (endless) return stop(current, End::endless);
  go_to(current, next);
  if (moments_ != nullptr) note_begun(cpu, access);
}

void ExploringEngine::note_place(const Task& task, const Access& access) {
  // In the middle of a walk nothing is served.
  const bool is_served_anyhow = task.cpu->wiring().flush_by == FlushBy::broadcast;
  const bool can_serve = access.kind != Kind::walker_load && (is_served_anyhow || !task.cpu->irqs_disabled());
  if (now_.was_picked && !now_.has_met && (can_serve || !now_.could_serve || !footprints_->is_asked(task.cpu->id()))) {
    strategy_->met_nobody();
  }
  now_.could_serve = can_serve;
}

HVO_IN_EVERY_STEP const Slot* ExploringEngine::request_of(const void* word, u32& of) const {
  if (static_cast<u64>(static_cast<const std::byte*>(word) - requests_) >= requests_bytes_) return nullptr;
  for (of = 0; of < nr_cpus_; ++of) {
    const CpuWiring& w = now_.tasks[of].cpu->wiring();
    for (const std::span<Slot> slots : {w.mailbox, w.tlbi}) {
      if (!lies_in(word, slots)) continue;
      const auto at = static_cast<u64>(static_cast<const std::byte*>(word) - std::as_bytes(slots).data());
      return &slots[at / sizeof(Slot)];
    }
  }
  return nullptr;
}

void ExploringEngine::note_asked(Cpu& cpu, const Access& access, const void* word, const Slot& slot, u32 of) {
  if (footprints_ == nullptr || of == cpu.id() || access.kind != Kind::store || word != &slot.posted) return;
  constexpr auto kRelaxed = std::memory_order::relaxed;
  auto& s = const_cast<Slot&>(slot);
  footprints_->note_request(cpu.id(), of);
  if ((ref(s.what).load(kRelaxed) & kRequestFlush) == 0) return;
  const u8 shift = cpu.wiring().tlb.pmd_shift;
  footprints_->note_flush(cpu.id(), ref(s.first).load(kRelaxed) >> shift, ref(s.last).load(kRelaxed) >> shift);
}

HVO_IN_EVERY_STEP void ExploringEngine::note_turn(const Access& access, bool request) {
  // A request is posted by a store, taken by a fetch_add, and answered by a store.
  if (now_.is_new_turn) now_.has_only_served = request && access.kind == Kind::fetch_add;
  if (!request) now_.has_only_served = false;
  now_.is_new_turn = false;
}

void ExploringEngine::wake(const void* word) {
  for (u32 waiting = now_.waiting; waiting != 0; waiting &= waiting - 1) {
    const u32 bit = waiting & -waiting;
    if (now_.tasks[static_cast<u32>(std::countr_zero(bit))].waits_on == word) now_.waiting &= ~bit;
  }
}

bool ExploringEngine::note_line(u32 cpu, u64 nr_words, WordNumber number) {
  trace_->note_line(cpu, number, nr_words);
  bool met = false;
  if (footprints_ == nullptr) return met;
  for (u64 left = nr_words; left != 0; --left, ++number.index) met = footprints_->note(cpu, number, false) || met;
  return met;
}

HVO_IN_EVERY_STEP bool ExploringEngine::note_words(u32 cpu, const Access& access, WordNumber number, u64 result) {
  if (access.kind == Kind::fill_frame) return footprints_ != nullptr && footprints_->note_fill(cpu, number.frame);
  if (access.kind == Kind::load_line) return note_line(cpu, access.size / sizeof(u64), number);
  const bool is_write = access.is_write();
  if (access.order != MemoryOrder::plain) trace_->note(cpu, number, is_write, result);
  return footprints_ != nullptr && footprints_->note(cpu, number, is_write);
}

HVO_IN_EVERY_STEP void ExploringEngine::did(Cpu& cpu, const Access& access, const void* word, u64 result) {
  if (moments_ != nullptr) [[unlikely]]
    record_access(cpu, access, word, result);
  const u64 in_memory = static_cast<u64>(static_cast<const std::byte*>(word) - memory_);
  const bool is_memory = in_memory < memory_bytes_;
  if (access.is_write()) {
    if (now_.waiting != 0) wake(word);
    if (is_memory && dirty_frames_ != nullptr) dirty_frames_[in_memory >> page_shift_] = 1;
  }
  u32 asked = 0;
  const Slot* const slot = is_memory ? nullptr : request_of(word, asked);
  const bool request = slot != nullptr;
  if (request) note_asked(cpu, access, word, *slot, asked);
  note_turn(access, request);
  bool met = request || (weak_ != nullptr && is_ordered_anyhow(access));
  if (trace_ != nullptr) {
    const WordNumbers& words = trace_->words();
    const WordNumber number = is_memory ? words.of_memory(in_memory) : words.of_arena(cpu.name_of(word));
    met = note_words(cpu.id(), access, number, result) || met;
    const bool translates = footprints_ != nullptr && access.space == Space::vmemmap;
    met = (translates && footprints_->note_translation(cpu.id(), access.object >> cpu.wiring().tlb.pmd_shift)) || met;
  }
  if (met) now_.has_met = true;
}

u64 ExploringEngine::perform(Cpu& cpu, const Access& access, void* word) {
  const u64 result = weak_ != nullptr ? weak_->perform(cpu, access, word, *this) : cpu.perform(access, word);
  const Quiet quiet;
  did(cpu, access, word, result);
  return result;
}

void ExploringEngine::wait(Cpu& cpu, WaitFor why, const void* word) {
  const u32 current = cpu.id();
  u32 next = current;
  {
    const Quiet quiet;
    Task& task = now_.tasks[current];
    // With weak memory what it waits for may have happened already: it saw an old value.
    if (weak_ == nullptr || !weak_->catch_up(cpu, word)) now_.waiting |= 1U << current;
    task.waits_on = word;
    task.wait_for = why;
    task.wait_op = cpu.op();
    task.is_interruptible = !cpu.irqs_disabled();
    if (moments_ != nullptr) {
      moments_->push_back({.what = Moment::What::wait,
                           .cpu = static_cast<u8>(current),
                           .op = cpu.op(),
                           .wait_for = why,
                           .step = now_.nr_steps,
                           .word = word});
    }
    // Though it may have something to serve: to leave a CPU that waits is no preemption.
    next = pick(current, (now_.waiting >> current & 1U) == 0);
  }
  go_to(current, next);
}

u32 ExploringEngine::ask(Question::About about, u32 cpu, u32 n) {
  // What it meets depends on the answer.
  now_.has_met = true;
  return note_decision(strategy_->choose({.about = about, .cpu = cpu, .nr = n}));
}

u32 ExploringEngine::choose(Cpu& cpu, Choice choice, u32 n) {
  const Quiet quiet;
  u32& left = choice == Choice::tlb_evict ? now_.evictions_left : now_.failures_left;
  if (left == 0) return 0;
  const u32 chosen =
      ask(choice == Choice::tlb_evict ? Question::About::tlb_evict : Question::About::alloc_fails, cpu.id(), n);
  if (chosen == 0) return 0;
  --left;
  if (moments_ != nullptr) {
    moments_->push_back({.what = Moment::What::choice,
                         .cpu = static_cast<u8>(cpu.id()),
                         .op = cpu.op(),
                         .choice = choice,
                         .step = now_.nr_steps,
                         .result = chosen});
  }
  return chosen;
}

/// Which of the stores that a load may see.
u32 ExploringEngine::choose(Cpu& cpu, u32 n) {
  const Quiet quiet;
  return ask(Question::About::old_value, cpu.id(), n);
}

void ExploringEngine::report(Cpu& cpu, const Violation& violation) {
  bool ends = false;
  {
    const Quiet quiet;
    if (moments_ != nullptr) {
      moments_->push_back({.what = Moment::What::violation,
                           .cpu = static_cast<u8>(cpu.id()),
                           .op = cpu.op(),
                           .step = now_.nr_steps,
                           .access = now_.tasks[cpu.id()].access,
                           .violation = violation});
    }
    ends = program_->ends_with(violation);
  }
  if (ends) stop(cpu.id(), End::violation);
}

u32 ExploringEngine::act(void* engine, u32 nth) {
  auto& self = *static_cast<ExploringEngine*>(engine);
  Cpu& cpu = *self.now_.tasks[nth].cpu;
  cpu.run();
  self.program_->act(cpu);
  cpu.idle();
  const Quiet quiet;
  self.now_.done |= 1U << nth;
  if (self.moments_ != nullptr) {
    self.moments_->push_back({.what = Moment::What::done, .cpu = static_cast<u8>(nth), .step = self.now_.nr_steps});
  }
  self.now_.is_new_turn = true;
  self.now_.has_only_served = false;
  const u32 next = self.pick(kNobody);
  if (next != kNobody) return next;
  self.end_ = self.now_.done == ~0U ? End::done : End::deadlock;
  return Fibers::kOutside;
}

void ExploringEngine::begin(Program& program, Strategy& strategy) {
  program_ = &program;
  strategy_ = &strategy;
  counts_steps_ = strategy.counts_steps();
  checkpoint_at_ = keeps_for(strategy) ? checkpoints_->next_at() : ~0U;
  for (u32 i = 0; i < nr_cpus_; ++i) cpus_[i]->attach(this);
}

End ExploringEngine::run(Program& program, Strategy& strategy) {
  now_ = {.done = ~((1U << nr_cpus_) - 1),
          .evictions_left = options_.most_evictions,
          .failures_left = options_.most_failures};
  for (u32 i = 0; i < nr_cpus_; ++i) now_.tasks[i].cpu = cpus_[i];
  nr_steps_before_ = 0;
  if (weak_ != nullptr) weak_->start();
  if (trace_ != nullptr) trace_->start(keeps_for(strategy));
  if (keeps_for(strategy)) checkpoints_->drop_behind(0);
  begin(program, strategy);
  fibers_.run(pick(kNobody));
  return come_to_end();
}

End ExploringEngine::come_to_end() {
  while (keeper_ != kNobody) {
    keep_checkpoint();
    fibers_.go_on(std::exchange(keeper_, kNobody));
  }
  for (u32 i = 0; i < nr_cpus_; ++i) cpus_[i]->attach(nullptr);
  if (checkpoints_ != nullptr) checkpoints_->note_length(now_.nr_decisions);
  strategy_->end();
  return end_;
}

std::array<Blocked, kMostCpus> ExploringEngine::blocked() const {
  std::array<Blocked, kMostCpus> all{};
  for (u32 i = 0; i < nr_cpus_; ++i) {
    const Task& t = now_.tasks[i];
    const bool waits = (now_.waiting >> i & 1U) != 0;
    all[i] = {.cpu = i, .is_done = (now_.done >> i & 1U) != 0, .why = t.wait_for, .op = t.wait_op};
    if (!waits) continue;
    all[i].word = t.waits_on;
    all[i].value = ref(*static_cast<Word<u32>*>(const_cast<void*>(t.waits_on))).load(std::memory_order::relaxed);
  }
  return all;
}

}  // namespace hvo::stress
