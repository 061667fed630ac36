// ExploringEngine: CPUs as fibers on one host thread; every step is a place where another CPU may go on.
//
// Who goes on is decided on the stack of the fiber that is about to take a step: a step that stays costs no switch.
// ThreadSanitizer is not to see the engine's own data, which belong to no simulated CPU: it is told to look away while
// the engine decides (quiet.h). What the CPUs do it sees as done by threads of their own (fibers.h).
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "core/cpu/cpu.h"
#include "stress/explore/engine/checkpoints.h"
#include "stress/explore/engine/fibers.h"
#include "stress/explore/engine/footprints.h"
#include "stress/explore/engine/moment.h"
#include "stress/explore/engine/schedule_state.h"
#include "stress/explore/engine/strategy.h"
#include "stress/explore/engine/trace_hash.h"
#include "stress/explore/memory/weak_memory.h"

namespace hvo::stress {

/// How a schedule ended.
enum class End : u8 {
  done,       ///< every CPU came to its end
  violation,  ///< a violation that ends it was reported
  deadlock,   ///< nobody can go on
  endless,    ///< more steps than allowed
};

/// What the engine asks of what it explores.
class Program {
 public:
  /// What CPU `cpu` does, from running to running; the engine takes it out of idle and back.
  virtual void act(Cpu& cpu) = 0;
  /// A violation was reported; true if the schedule ends with it.
  virtual bool ends_with(const Violation& violation) = 0;
  /// For checkpoints, which a program has that overrides both: all that is its own and its machine's is kept in this
  /// slot (below Checkpoints::kMost), as it is now, in the middle of a schedule.
  virtual void keep(u32 slot);
  /// It is again as it was when it was kept there, whatever has been run since.
  virtual void go_back(u32 slot);

 protected:
  ~Program() = default;
};

struct EngineOptions {
  u32 most_steps = 1U << 20U;  ///< of all CPUs together; what takes more is endless
  bool weak = false;           ///< loads may see what memory held before
  u32 most_evictions = 0;      ///< TLB entries that a schedule may lose for no reason
  u32 most_failures = 0;       ///< allocations that may fail for no reason
};

/// What a CPU of a deadlock waits for.
struct Blocked {
  u32 cpu = 0;
  bool is_done = false;
  WaitFor why{};
  const void* word = nullptr;
  u64 value = 0;  ///< of that word, 32 bits of it
  Op op{};
};

class ExploringEngine final : public Engine, private Chooser {
 public:
  /// `cpus`: 1 to kMostCpus of one machine. They are idle between runs.
  ExploringEngine(std::span<Cpu* const> cpus, const EngineOptions& options);
  ~ExploringEngine() override;
  ExploringEngine(const ExploringEngine&) = delete;
  ExploringEngine& operator=(const ExploringEngine&) = delete;

  /// One schedule, from the state in which the machine is. The strategy has begun it.
  End run(Program& program, Strategy& strategy);
  /// True: the schedule that the strategy has begun begins as one that was run, and go_on() runs the rest of it.
  bool has_checkpoint(const Strategy& strategy);
  /// Instead of putting the machine back and run(), where there is a checkpoint.
  End go_on(Program& program, Strategy& strategy);

  /// From now on runs have a trace().
  void hash_traces(const WordNumbers& words) { trace_ = std::make_unique<TraceHash>(words); }
  /// A number for what the last run came to (trace_hash.h); 0: not asked for.
  u64 trace() const { return trace_ != nullptr ? trace_->value() : 0; }
  /// From now on checkpoints are kept for strategies that want them; the program can keep and go back. Does nothing
  /// where there are none: with weak memory, and under sanitizers.
  void use_checkpoints();
  /// Leaves out schedules that differ in nothing; null: none.
  void skip_what_meets_nobody(Footprints* footprints) { footprints_ = footprints; }
  /// All that the CPUs do is appended to `moments`; null: not recorded. Not while checkpoints are kept.
  void record(std::vector<Moment>* moments) { moments_ = moments; }
  /// One flag a frame: set when it is stored to.
  void note_frames(u8* dirty) { dirty_frames_ = dirty; }

  // Of the last run.
  u32 nr_steps() const { return now_.nr_steps; }
  /// Of these, those that were not gone on behind.
  u32 nr_steps_taken() const { return now_.nr_steps - nr_steps_before_; }
  u32 nr_steps_of(u32 cpu) const { return now_.tasks[cpu].nr_steps; }
  u32 nr_switches() const { return now_.nr_switches; }
  /// What was decided, one number a decision.
  std::span<const u8> decisions() const { return {decisions_.get(), now_.nr_decisions}; }
  /// True: there were more decisions than are kept.
  bool is_cut() const { return now_.nr_decisions == kMostDecisions; }
  /// Where each CPU stands.
  std::array<Blocked, kMostCpus> blocked() const;
  u32 last_cpu() const { return now_.last_cpu; }

  void before(Cpu& cpu, const Access& access) override;
  u64 perform(Cpu& cpu, const Access& access, void* word) override;
  void wait(Cpu& cpu, WaitFor why, const void* word) override;
  u32 choose(Cpu& cpu, Choice choice, u32 n) override;
  void report(Cpu& cpu, const Violation& violation) override;

 private:
  using Task = ScheduleState::Task;
  static u32 act(void* engine, u32 nth);
  u32 choose(Cpu& cpu, u32 n) override;

  void find_requests();
  /// The CPUs that can go on, a bit each.
  inline u32 runnable() const;
  /// Who is next; kOutside when nobody can go on.
  inline u32 pick(u32 current, bool may_stay = true);
  void note_begun(Cpu& cpu, const Access& access);
  inline void go_to(u32 current, u32 next);
  void stop(u32 current, End end);
  inline void did(Cpu& cpu, const Access& access, const void* word, u64 result);
  void record_access(Cpu& cpu, const Access& access, const void* word, u64 result);
  /// `word` was stored to: who waited for it can go on.
  void wake(const void* word);
  /// What footprints and traces make of an access; true if it met another CPU.
  inline bool note_words(u32 cpu, const Access& access, WordNumber number, u64 result);
  bool note_line(u32 cpu, u64 nr_words, WordNumber number);
  /// The request in a mailbox, posted or served as part of another step, that the word is of; null: none. `of`: the CPU
  /// that is asked.
  inline const Slot* request_of(const void* word, u32& of) const;
  void note_asked(Cpu& cpu, const Access& access, const void* word, const Slot& slot, u32 of);
  /// The CPU that is about to take a step has been here since it was picked, or nowhere that matters.
  void note_place(const Task& task, const Access& access);
  inline void note_turn(const Access& access, bool request);
  inline u32 note_decision(u32 decided);
  bool keeps_for(const Strategy& strategy) const { return checkpoints_ != nullptr && strategy.nr_common().has_value(); }
  void leave_for_checkpoint(u32 current);
  void keep_checkpoint();
  void begin(Program& program, Strategy& strategy);
  End come_to_end();
  u32 ask(Question::About about, u32 cpu, u32 n);

  ScheduleState now_;
  std::span<Cpu* const> cpus_;
  u32 nr_cpus_;
  EngineOptions options_;
  Fibers fibers_;
  std::unique_ptr<WeakMemory> weak_;
  Program* program_ = nullptr;
  Strategy* strategy_ = nullptr;
  bool counts_steps_ = false;
  Footprints* footprints_ = nullptr;
  std::unique_ptr<TraceHash> trace_;
  std::vector<Moment>* moments_ = nullptr;
  u8* dirty_frames_ = nullptr;
  const std::byte* memory_ = nullptr;
  u64 memory_bytes_ = 0;
  const std::byte* requests_ = nullptr;  ///< from here on all mailboxes lie, and other words between them
  u64 requests_bytes_ = 0;
  u8 page_shift_ = 12;
  End end_{};
  /// Kept of a schedule; a longer one is cut.
  static constexpr std::size_t kMostDecisions = std::size_t{1} << 21U;
  std::unique_ptr<u8[]> decisions_;  ///< not touched before it is used: an engine costs little
  std::unique_ptr<Checkpoints> checkpoints_;
  u32 checkpoint_at_ = ~0U;        ///< decisions at which one is due
  u32 keeper_ = Fibers::kOutside;  ///< the CPU that has left for one to be kept
  u32 nr_steps_before_ = 0;        ///< that this run did not take, as it went on from a checkpoint
};

}  // namespace hvo::stress
