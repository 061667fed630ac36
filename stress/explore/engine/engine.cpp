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
constexpr std::size_t kMostDecisions = std::size_t{1} << 21U;

bool lies_in(const void* word, std::span<const Slot> slots) {
  return word >= slots.data() && word < slots.data() + slots.size();
}

}  // namespace

ExploringEngine::ExploringEngine(std::span<Cpu* const> cpus, const EngineOptions& options)
    : cpus_(cpus),
      nr_cpus_(static_cast<u32>(cpus.size())),
      options_(options),
      fibers_(nr_cpus_, &ExploringEngine::act, this),
      decisions_(kMostDecisions) {
  HVO_CHECK(nr_cpus_ >= 1 && nr_cpus_ <= kMostCpus, "an exploration takes 1 to 8 CPUs");
  for (u32 i = 0; i < nr_cpus_; ++i) tasks_[i].cpu = cpus[i];
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
    const CpuWiring& w = tasks_[i].cpu->wiring();
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
  u32 can = ~(done_ | waiting_);
  for (u32 waiting = waiting_; waiting != 0; waiting &= waiting - 1) {
    const Task& task = tasks_[static_cast<u32>(std::countr_zero(waiting))];
    // A CPU that waits with interrupts on can go on for its mailbox.
    const u32 attention = ref(task.cpu->state().attention).load(std::memory_order::relaxed);
    const u32 serves = kAttentionTlbi | (task.is_interruptible ? u32{kAttentionInterrupt} : 0U);
    if ((attention & serves) != 0) can |= waiting & -waiting;
  }
  return can;
}

HVO_IN_EVERY_STEP u32 ExploringEngine::note_decision(u32 decided) {
  if (nr_decisions_ < decisions_.size()) decisions_[nr_decisions_++] = static_cast<u8>(decided);
  return decided;
}

HVO_IN_EVERY_STEP u32 ExploringEngine::pick(u32 current, bool may_stay) {
  was_picked_ = false;
  has_met_ = false;
  const u32 can = runnable();
  if (can == 0) return kNobody;
  if (std::has_single_bit(can)) return static_cast<u32>(std::countr_zero(can));
  std::array<u8, kMostCpus> cpus;  // NOLINT(cppcoreguidelines-pro-type-member-init): the first n are
  u32 n = 0;
  u32 others = can;
  const bool can_go_on = current != kNobody && (can >> current & 1U) != 0;
  if (can_go_on) {
    cpus[n++] = static_cast<u8>(current);
    others &= ~(1U << current);
  }
  for (; others != 0; others &= others - 1) cpus[n++] = static_cast<u8>(std::countr_zero(others));
  const bool can_stay = can_go_on && may_stay && !has_only_served_;
  const u32 next =
      cpus[note_decision(strategy_->pick({.current = current, .can_stay = can_stay, .nr = n, .cpus = cpus.data()}))];
  was_picked_ = can_stay && next == current;
  return next;
}

inline void ExploringEngine::go_to(u32 current, u32 next) {
  if (next == current) return;
  {
    const Quiet quiet;
    is_new_turn_ = true;
    has_only_served_ = false;
    ++nr_switches_;
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
    Task& task = tasks_[current];
    waiting_ &= ~(1U << current);
    last_cpu_ = current;
    if (counts_steps_) strategy_->step(current);
    ++task.nr_steps;
    endless = ++nr_steps_ > options_.most_steps;
    // In the middle of an instruction: it has gone on.
    if (access.kind == Kind::walker_load) has_only_served_ = false;
    // Inside a read section a CPU answers otherwise: to enter or leave one is not the same before and after others.
    const u32 depth = cpu.state().rcu_depth;
    if (std::exchange(task.rcu_depth, depth) != depth) {
      has_met_ = true;
      has_only_served_ = false;
    }
    if (footprints_ != nullptr) note_place(task, access);
    if (!endless) next = pick(current);
  }
  if (endless) return stop(current, End::endless);
  go_to(current, next);
  if (moments_ != nullptr) note_begun(cpu, access);
}

/// The CPU takes this step now, or serves an interrupt first and comes again.
void ExploringEngine::note_begun(Cpu& cpu, const Access& access) {
  const Quiet quiet;
  Task& task = tasks_[cpu.id()];
  if (access.kind != Kind::walker_load) task.access = access;
  if (access.kind != Kind::nothing) return;
  moments_->push_back({.what = Moment::What::section,
                       .cpu = static_cast<u8>(cpu.id()),
                       .op = cpu.op(),
                       .step = nr_steps_,
                       .rcu_depth = cpu.state().rcu_depth + 1});
}

void ExploringEngine::note_place(const Task& task, const Access& access) {
  // In the middle of a walk nothing is served.
  const bool is_served_anyhow = task.cpu->wiring().flush_by == FlushBy::broadcast;
  const bool can_serve = access.kind != Kind::walker_load && (is_served_anyhow || !task.cpu->irqs_disabled());
  if (was_picked_ && !has_met_ && (can_serve || !could_serve_ || !footprints_->is_asked(task.cpu->id()))) {
    strategy_->met_nobody();
  }
  could_serve_ = can_serve;
}

HVO_IN_EVERY_STEP const Slot* ExploringEngine::request_of(const void* word, u32& of) const {
  if (static_cast<u64>(static_cast<const std::byte*>(word) - requests_) >= requests_bytes_) return nullptr;
  for (of = 0; of < nr_cpus_; ++of) {
    const CpuWiring& w = tasks_[of].cpu->wiring();
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
  if (is_new_turn_) has_only_served_ = request && access.kind == Kind::fetch_add;
  if (!request) has_only_served_ = false;
  is_new_turn_ = false;
}

void ExploringEngine::record_access(Cpu& cpu, const Access& access, const void* word, u64 result) {
  moments_->push_back({.what = Moment::What::access,
                       .cpu = static_cast<u8>(cpu.id()),
                       .op = cpu.op(),
                       .is_old = weak_ != nullptr && weak_->was_old(),
                       .step = nr_steps_,
                       .rcu_depth = cpu.state().rcu_depth,
                       .result = result,
                       .word = word,
                       .access = access});
  note_request(moments_->back(), cpus_);
}

void ExploringEngine::wake(const void* word) {
  for (u32 waiting = waiting_; waiting != 0; waiting &= waiting - 1) {
    const u32 bit = waiting & -waiting;
    if (tasks_[static_cast<u32>(std::countr_zero(bit))].waits_on == word) waiting_ &= ~bit;
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
    if (waiting_ != 0) wake(word);
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
  if (met) has_met_ = true;
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
    Task& task = tasks_[current];
    // With weak memory what it waits for may have happened already: it saw an old value.
    if (weak_ == nullptr || !weak_->catch_up(cpu, word)) waiting_ |= 1U << current;
    task.waits_on = word;
    task.wait_for = why;
    task.wait_op = cpu.op();
    task.is_interruptible = !cpu.irqs_disabled();
    if (moments_ != nullptr) {
      moments_->push_back({.what = Moment::What::wait,
                           .cpu = static_cast<u8>(current),
                           .op = cpu.op(),
                           .wait_for = why,
                           .step = nr_steps_,
                           .word = word});
    }
    // Though it may have something to serve: to leave a CPU that waits is no preemption.
    next = pick(current, (waiting_ >> current & 1U) == 0);
  }
  go_to(current, next);
}

u32 ExploringEngine::ask(Question::About about, u32 cpu, u32 n) {
  // What it meets depends on the answer.
  has_met_ = true;
  return note_decision(strategy_->choose({.about = about, .cpu = cpu, .nr = n}));
}

u32 ExploringEngine::choose(Cpu& cpu, Choice choice, u32 n) {
  const Quiet quiet;
  u32& left = choice == Choice::tlb_evict ? evictions_left_ : failures_left_;
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
                         .step = nr_steps_,
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
                           .step = nr_steps_,
                           .access = tasks_[cpu.id()].access,
                           .violation = violation});
    }
    ends = program_->ends_with(violation);
  }
  if (ends) stop(cpu.id(), End::violation);
}

u32 ExploringEngine::act(void* engine, u32 nth) {
  auto& self = *static_cast<ExploringEngine*>(engine);
  Cpu& cpu = *self.tasks_[nth].cpu;
  cpu.run();
  self.program_->act(cpu);
  cpu.idle();
  const Quiet quiet;
  self.done_ |= 1U << nth;
  if (self.moments_ != nullptr) {
    self.moments_->push_back({.what = Moment::What::done, .cpu = static_cast<u8>(nth), .step = self.nr_steps_});
  }
  self.is_new_turn_ = true;
  self.has_only_served_ = false;
  const u32 next = self.pick(kNobody);
  if (next != kNobody) return next;
  self.end_ = self.done_ == ~0U ? End::done : End::deadlock;
  return Fibers::kOutside;
}

End ExploringEngine::run(Program& program, Strategy& strategy) {
  program_ = &program;
  strategy_ = &strategy;
  counts_steps_ = strategy.counts_steps();
  nr_steps_ = 0;
  nr_switches_ = 0;
  nr_decisions_ = 0;
  evictions_left_ = options_.most_evictions;
  failures_left_ = options_.most_failures;
  is_new_turn_ = true;
  has_only_served_ = false;
  waiting_ = 0;
  done_ = ~((1U << nr_cpus_) - 1);
  if (weak_ != nullptr) weak_->start();
  if (trace_ != nullptr) trace_->start();
  for (u32 i = 0; i < nr_cpus_; ++i) {
    tasks_[i] = {.cpu = tasks_[i].cpu};
    tasks_[i].cpu->attach(this);
  }
  fibers_.run(pick(kNobody));
  for (u32 i = 0; i < nr_cpus_; ++i) tasks_[i].cpu->attach(nullptr);
  strategy.end();
  return end_;
}

std::array<Blocked, kMostCpus> ExploringEngine::blocked() const {
  std::array<Blocked, kMostCpus> all{};
  for (u32 i = 0; i < nr_cpus_; ++i) {
    const Task& t = tasks_[i];
    const bool waits = (waiting_ >> i & 1U) != 0;
    all[i] = {.cpu = i, .is_done = (done_ >> i & 1U) != 0, .why = t.wait_for, .op = t.wait_op};
    if (!waits) continue;
    all[i].word = t.waits_on;
    all[i].value = ref(*static_cast<Word<u32>*>(const_cast<void*>(t.waits_on))).load(std::memory_order::relaxed);
  }
  return all;
}

}  // namespace hvo::stress
