#include "stress/explore/engine/engine.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "stress/explore/engine/quiet.h"
#include "stress/explore/engine/requests.h"

namespace hvo::stress {

namespace {

constexpr u32 kNobody = Fibers::kOutside;
constexpr std::size_t kMostDecisions = std::size_t{1} << 21U;

/// With weak memory full barriers are ordered among themselves, whatever they touch; and what a load through a
/// translation sees may lie elsewhere, and is a matter of when flushes were served.
bool is_ordered_anyhow(const Access& access) {
  return access.order == MemoryOrder::full || access.space == Space::vmemmap || access.kind == Kind::walker_load;
}

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

bool ExploringEngine::can_run(const Task& task) const {
  if (task.done) return false;
  if (task.waits_on == nullptr) return true;
  // A CPU that waits with interrupts on can go on for its mailbox.
  const u32 attention = ref(task.cpu->state().attention).load(std::memory_order::relaxed);
  return (attention & kAttentionTlbi) != 0 || (task.is_interruptible && (attention & kAttentionInterrupt) != 0);
}

u32 ExploringEngine::note_decision(u32 decided) {
  if (nr_decisions_ < decisions_.size()) decisions_[nr_decisions_++] = static_cast<u8>(decided);
  return decided;
}

u32 ExploringEngine::pick(u32 current) {
  std::array<u8, kMostCpus> cpus;  // NOLINT(cppcoreguidelines-pro-type-member-init): the first n are
  u32 n = 0;
  was_picked_ = false;
  has_met_ = false;
  const bool can_go_on = current != kNobody && can_run(tasks_[current]);
  if (can_go_on) cpus[n++] = static_cast<u8>(current);
  for (u32 i = 0; i < nr_cpus_; ++i) {
    if (i != current && can_run(tasks_[i])) cpus[n++] = static_cast<u8>(i);
  }
  if (n == 0) return kNobody;
  if (n == 1) return cpus[0];
  const bool can_stay = can_go_on && !has_only_served_;
  const u32 next =
      cpus[note_decision(strategy_->pick({.current = current, .can_stay = can_stay, .nr = n, .cpus = cpus.data()}))];
  was_picked_ = can_stay && next == current;
  return next;
}

void ExploringEngine::go_to(u32 current, u32 next) {
  if (next == current) return;
  is_new_turn_ = true;
  has_only_served_ = false;
  ++nr_switches_;
  if (next == kNobody) end_ = End::deadlock;
  fibers_.hand_over(current, next);
}

void ExploringEngine::stop(u32 current, End end) {
  end_ = end;
  fibers_.hand_over(current, Fibers::kOutside);
}

void ExploringEngine::before(Cpu& cpu, const Access& access) {
  const u32 current = cpu.id();
  u32 next = current;
  bool endless = false;
  {
    const Quiet quiet;
    Task& task = tasks_[current];
    task.waits_on = nullptr;
    last_cpu_ = current;
    if (counts_steps_) strategy_->step(current);
    ++task.nr_steps;
    endless = ++nr_steps_ > options_.most_steps;
    // In the middle of an instruction: it has gone on.
    if (access.kind == Kind::walker_load) has_only_served_ = false;
    // Inside a read section a CPU answers otherwise: to enter or leave one is not the same before and after others.
    const u32 depth = cpu.state().rcu_depth;
    if (std::exchange(task.rcu_depth, depth) != depth) has_met_ = true;
    if (footprints_ != nullptr) note_place(task, access);
    if (!endless) next = pick(current);
  }
  if (endless) return stop(current, End::endless);
  go_to(current, next);
}

void ExploringEngine::note_place(const Task& task, const Access& access) {
  // In the middle of a walk nothing is served.
  const bool can_serve = access.kind != Kind::walker_load && !task.cpu->irqs_disabled();
  if (was_picked_ && !has_met_ && (can_serve || !could_serve_ || !footprints_->is_asked(task.cpu->id()))) {
    strategy_->met_nobody();
  }
  could_serve_ = can_serve;
}

u64 ExploringEngine::perform(Cpu& cpu, const Access& access, void* word) {
  const u64 result = weak_ != nullptr ? weak_->perform(cpu, access, word, *this) : cpu.perform(access, word);
  const Quiet quiet;
  did(cpu, access, word, result);
  return result;
}

const Slot* ExploringEngine::request_of(const void* word, u32& of) const {
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
  footprints_->note_flush(cpu.id(), ref(s.first).load(kRelaxed), ref(s.last).load(kRelaxed));
}

void ExploringEngine::note_turn(const Access& access, bool request) {
  // A request is posted by a store, taken by a fetch_add, and answered by a store.
  if (is_new_turn_) has_only_served_ = request && access.kind == Kind::fetch_add;
  if (!request) has_only_served_ = false;
  is_new_turn_ = false;
}

void ExploringEngine::did(Cpu& cpu, const Access& access, const void* word, u64 result) {
  if (moments_ != nullptr) {
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
  const u64 in_memory = static_cast<u64>(static_cast<const std::byte*>(word) - memory_);
  const bool is_memory = in_memory < memory_bytes_;
  const bool is_write = access.is_write();
  if (is_write) {
    for (u32 i = 0; i < nr_cpus_; ++i) {
      if (tasks_[i].waits_on == word) tasks_[i].waits_on = nullptr;
    }
    if (is_memory && dirty_frames_ != nullptr) dirty_frames_[in_memory >> page_shift_] = 1;
  }
  u32 asked = 0;
  const Slot* const slot = is_memory ? nullptr : request_of(word, asked);
  const bool request = slot != nullptr;
  if (request) note_asked(cpu, access, word, *slot, asked);
  note_turn(access, request);
  const bool met = note_words(cpu, access, word, result);
  if (met || request || (weak_ != nullptr && is_ordered_anyhow(access))) has_met_ = true;
}

bool ExploringEngine::note_words(Cpu& cpu, const Access& access, const void* word, u64 result) {
  if (trace_ == nullptr) return false;
  const u64 in_memory = static_cast<u64>(static_cast<const std::byte*>(word) - memory_);
  const WordNumbers& words = trace_->words();
  WordNumber number = in_memory < memory_bytes_ ? words.of_memory(in_memory) : words.of_arena(cpu.name_of(word));
  if (access.kind == Kind::fill_frame) return footprints_ != nullptr && footprints_->note_fill(cpu.id(), number.frame);
  const bool is_seen = access.order != MemoryOrder::plain;
  const bool is_write = access.is_write();
  bool met = footprints_ != nullptr && access.space == Space::vmemmap &&
             footprints_->note_translation(cpu.id(), access.object);
  for (u64 left = access.kind == Kind::load_line ? access.size / sizeof(u64) : 1; left != 0; --left, ++number.index) {
    if (is_seen) trace_->note(cpu.id(), number, is_write, result);
    met = (footprints_ != nullptr && footprints_->note(cpu.id(), number, is_write)) || met;
  }
  return met;
}

void ExploringEngine::wait(Cpu& cpu, WaitFor why, const void* word) {
  const u32 current = cpu.id();
  u32 next = current;
  {
    const Quiet quiet;
    Task& task = tasks_[current];
    // With weak memory what it waits for may have happened already: it saw an old value.
    task.waits_on = weak_ != nullptr && weak_->catch_up(cpu, word) ? nullptr : word;
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
    next = pick(current);
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
  self.tasks_[nth].done = true;
  if (self.moments_ != nullptr) {
    self.moments_->push_back({.what = Moment::What::done, .cpu = static_cast<u8>(nth), .step = self.nr_steps_});
  }
  self.is_new_turn_ = true;
  self.has_only_served_ = false;
  const u32 next = self.pick(kNobody);
  if (next != kNobody) return next;
  const auto tasks = std::span(self.tasks_).first(self.nr_cpus_);
  self.end_ = std::ranges::all_of(tasks, &Task::done) ? End::done : End::deadlock;
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
    all[i] = {.cpu = i, .is_done = t.done, .why = t.wait_for, .word = t.waits_on, .op = t.wait_op};
    if (t.waits_on != nullptr)
      all[i].value = ref(*static_cast<Word<u32>*>(const_cast<void*>(t.waits_on))).load(std::memory_order::relaxed);
  }
  return all;
}

}  // namespace hvo::stress
