// WeakModel: the work behind WeakMemory; WEAK_MEMORY.md says what it allows.
//
// All fibers of an exploration share it, on one host thread; ThreadSanitizer takes each fiber for a thread. So its
// source is compiled without instrumentation, has state of its own only, and asks the machine for nothing by a function
// that an instrumented source has too: what it must know of a CPU it is told in CpuParts.
#pragma once

#include "stress/explore/memory/weak_memory.h"
#include "stress/explore/memory/word_history.h"

namespace hvo::stress {

/// Where the parts of a CPU are.
struct CpuParts {
  const CpuState* state = nullptr;
  const Slot* mailbox = nullptr;  ///< one slot per CPU
  const Slot* tlbi = nullptr;     ///< one slot per CPU, or none
  u32 nr_tlbi = 0;
  const TlbEntry* pages = nullptr;
  const TlbEntry* blocks = nullptr;
  u32 nr_pages = 0;
  u32 nr_blocks = 0;
  u32 page_shift = 0;
  u32 pmd_shift = 0;
  std::byte* memory = nullptr;  ///< of frame 0
  void* mmu = nullptr;
  WalkFn walk = nullptr;
};

class WeakModel {
 public:
  /// The parts of CPU i are parts[i]; they are copied.
  WeakModel(const CpuParts* parts, u32 nr_cpus);
  ~WeakModel();
  WeakModel(const WeakModel&) = delete;
  WeakModel& operator=(const WeakModel&) = delete;

  void start();
  /// `id`: the number of `cpu`.
  u64 perform(Cpu& cpu, u32 id, const Access& access, void* word, Chooser& chooser);
  bool catch_up(u32 id, const void* word);
  bool was_old() const { return was_old_; }

  static constexpr u32 kNever = ~u32{0};
  /// What a walk would have found at `time`, for CPU `id` that knows `view`. `newest` becomes no less than when that
  /// had been stored; `is_known` false if nobody can tell, or the CPU must have known better by then.
  u64 walker_load_at(u32 id, ConstView view, const Part& part, u32 time, u32& newest, bool& is_known);

 private:
  static constexpr u32 kDependencies = 4;
  static constexpr u32 kKept = 16;
  static constexpr u32 kServed = 4;
  static constexpr u32 kPastWalks = 4;
  static constexpr u32 kMostAlternatives = 12;
  static constexpr u32 kLineWords = 8;

  /// A relaxed load that later ones may depend on, by the address that it yielded.
  struct Dependency {
    u64 value = 0;
    u64 object = 0;  ///< what was loaded
    u32 time = 0;    ///< when what was read had been stored
    View view = nullptr;
  };
  /// A translation that the CPU had until it served a broadcast flush.
  struct Kept {
    u64 first = 0;  ///< virtual addresses, inclusive
    u64 last = 0;
    u64 to_memory = 0;  ///< as TlbEntry
    u32 time = 0;       ///< of the serve
  };
  /// A broadcast flush that the CPU has served.
  struct Served {
    u64 first = 0;  ///< virtual addresses, inclusive
    u64 last = 0;
    u32 time = 0;
  };
  /// What a CPU knows. Each view but `flushed` and `walked` is part of `all`.
  struct Knowledge {
    u32 event = 0;           ///< its last event
    View current = nullptr;  ///< its loads read nothing older
    View walked = nullptr;   ///< nor do its walks, and its accesses by virtual address
    View flushed = nullptr;  ///< what was visible when it served broadcast flushes: known from its next acquire on
    View all = nullptr;      ///< what a release passes on
    View fenced = nullptr;   ///< `all` at its last full barrier: what any store passes on
    const u64* read_old = nullptr;  ///< where its last load gave an old value; else null
    bool has_walked = false;        ///< `walked` may have more than `current`
    bool has_flushed = false;       ///< the same of `flushed`
    u32 nr_dependencies = 0;
    u32 next_dependency = 0;
    u32 nr_served = 0;  ///< since its last acquire or full barrier
    u32 next_served = 0;
    u32 nr_kept = 0;  ///< the same
    u32 next_kept = 0;
    Dependency dependencies[kDependencies];
    Kept kept[kKept];
    Served served[kServed];
  };
  /// What a load may give.
  struct Alternative {
    u64 value = 0;
    Word8* word = nullptr;  ///< null: what was there before all stores
    u32 version = 0;
    u32 floor = 0;  ///< the oldest that it may have been
  };
  /// Which word of a mailbox slot.
  struct SlotWord {
    bool is_posted = false;
    bool is_served = false;
    bool is_tlbi = false;
    u32 owner = 0;  ///< the CPU that is asked
    u32 from = 0;   ///< the CPU that asks
  };
  /// A load in progress.
  struct Load {
    Cpu& cpu;
    u32 id;
    const Access& access;
    Chooser& chooser;
    ConstView view = nullptr;   ///< it reads nothing older
    ConstView early = nullptr;  ///< nor does it this where it is satisfied early: without the walks of others
    u32 after = 0;              ///< it depends on a load that read what was stored at this time
  };
  /// A struct page as of a moment.
  struct Line {
    u64 values[kLineWords];
    Word8* words[kLineWords];  ///< null: no history
    u32 versions[kLineWords];
  };
  u64 load(Cpu& cpu, u32 id, const Access& access, void* word, Chooser& chooser);
  /// What the load gives of what it may: from the history `w`, if there is one, or from a frame that was there before.
  u64 choose(Load l, const Part& part, Word8* w, u64 newest, bool may_be_early);
  void load_line(Load l, void* word);
  u64 store(Cpu& cpu, u32 id, const Access& access, void* word);
  u64 update(Cpu& cpu, u32 id, const Access& access, void* word);
  void fill_frame(u32 id, const Access& access, void* frame);

  /// Sets what the load must know of: its floor.
  void look_up_floor(Load& l);
  void offer(u64 value, Word8* word, u32 version, u32 floor);
  bool is_offered(u64 value) const;
  void offer_versions(const Load& l, const Part& part, Word8& w);
  void offer_early(const Load& l, const Part& part);
  void offer_past_walks(const Load& l, const Part& part, u32 served);
  /// `offset`: from the first byte of memory.
  void offer_early(const Load& l, const Part& part, u64 offset, u32 time);
  void offer_early(const Load& l, const Part& part, Word8& w, u32 time);
  /// The newest version not after `time`; kNever if it is not kept.
  u32 version_at(Word8& w, u32 time);
  void read(const Load& l, u64 value, const Alternative& from, u64 mask);
  /// The struct page at `at` as it was at `time`, but no word below its floor.
  void make_line(const Load& l, u64* at, u32 time, Line& line);
  /// At which times to look at it: the latest first, which is now; none if no word has a history.
  u32 moments_of_line(const Load& l, u64* at, u32* times);

  void full_barrier(Knowledge& k);
  void acquired(Knowledge& k);
  void remember(Knowledge& k, const Load& l, u64 value, ConstView view, u32 time);
  /// CPU `id` serves a broadcast flush, which orders none of its loads.
  void serve_broadcast(u32 id, const void* posted);
  void keep_entries(u32 id, const TlbEntry* entries, u32 nr, u32 shift, u64 first, u64 last, u32 time);
  /// CPU `id` asks another one for something.
  void post(u32 id, const SlotWord& slot);
  SlotWord slot_word(const void* word) const;
  /// Where the next one goes of `most`, the oldest being replaced; counts it.
  static u32 place(u32& nr, u32& next, u32 most) {
    if (nr == 0) next = 0;
    const u32 at = next;
    next = (next + 1) % most;
    if (nr < most) ++nr;
    return at;
  }
  u32 next_event(u32 id) { return knowledge_[id].all[id] = ++knowledge_[id].event; }

  void join(View to, ConstView from) const {
    for (u32 i = 0; i < nr_; ++i) to[i] = to[i] < from[i] ? from[i] : to[i];
  }
  void copy(View to, ConstView from) const {
    for (u32 i = 0; i < nr_; ++i) to[i] = from[i];
  }
  bool covers(ConstView view, ConstView other) const {
    for (u32 i = 0; i < nr_; ++i) {
      if (other[i] > view[i]) return false;
    }
    return true;
  }

  u32 nr_;
  CpuParts* parts_;
  Knowledge* knowledge_;
  u32 nr_rows_;
  u32* rows_;             ///< all views
  View full_ = nullptr;   ///< what was known at the last full barrier of any CPU
  View view_ = nullptr;   ///< of the load in progress
  View early_ = nullptr;  ///< the same
  bool* posted_to_idle_;  ///< [owner · nr_ + from]: a broadcast flush was posted while the owner was idle
  const std::byte* slots_first_ = nullptr;  ///< all slots are in [slots_first_, slots_end_), and other things too
  const std::byte* slots_end_ = nullptr;
  WordHistory history_;
  Alternative alternatives_[kMostAlternatives];
  u32 nr_alternatives_ = 0;
  bool was_old_ = false;
};

}  // namespace hvo::stress
