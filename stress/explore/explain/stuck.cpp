#include "stress/explore/explain/stuck.h"

#include <fmt/format.h>

#include <algorithm>

#include "stress/report/outcomes.h"

namespace hvo::stress {

namespace {

constexpr u32 kNobody = ~u32{0};

bool is_held_by_one(WaitFor why) { return why == WaitFor::spin_lock || why == WaitFor::mutex; }

/// Who waits for whom where nobody can go on.
class WaitGraph {
 public:
  WaitGraph(const Subject& subject, const Replayed& replayed, const ObjectNames& names)
      : subject_(subject), r_(replayed), names_(names) {}

  std::string text() const {
    std::string s;
    for (u32 cpu = 0; cpu < subject_.nr_cpus(); ++cpu) s += wrapped(line_of(cpu), 2, 98);
    return s;
  }
  /// Follows who each waits for: true when that leads in a circle.
  bool has_circle() const {
    for (u32 cpu = 0; cpu < subject_.nr_cpus(); ++cpu) {
      u32 at = cpu;
      for (u32 n = 0; n <= subject_.nr_cpus() && at != kNobody; ++n) at = waits_for(at);
      if (at != kNobody) return true;
    }
    return false;
  }

 private:
  /// The CPU that has to act before `cpu` can go on; kNobody when there is none that could.
  u32 waits_for(u32 cpu) const {
    const Blocked& b = r_.blocked[cpu];
    if (b.is_done || b.word == nullptr) return kNobody;
    if (is_held_by_one(b.why)) {
      // The word is the holder's number plus one; what is anything else was damaged.
      return b.value == 0 || b.value > subject_.nr_cpus() ? kNobody : static_cast<u32>(b.value - 1);
    }
    if (b.why == WaitFor::read_lock || b.why == WaitFor::write_lock) return holder_of_rwsem(cpu);
    const u32 owner = owner_of_request(b.word);
    return owner == kNobody || r_.blocked[owner].is_done ? kNobody : owner;
  }
  /// Its word does not say who; the other CPU that has a lock of that rank does, unless it waits for that lock itself.
  u32 holder_of_rwsem(u32 waiter) const {
    const u16 rank = LockRank(LockClass::mmap).v;
    for (u32 cpu = 0; cpu < subject_.nr_cpus(); ++cpu) {
      const CpuState& s = subject_.machine().cpu(cpu).state();
      if (r_.blocked[cpu].word == r_.blocked[waiter].word) continue;
      if (std::ranges::count(std::span(s.held_rank).first(s.nr_held), rank) != 0) return cpu;
    }
    return kNobody;
  }
  u32 owner_of_request(const void* word) const {
    for (u32 cpu = 0; cpu < subject_.nr_cpus(); ++cpu) {
      const CpuWiring& w = subject_.machine().cpu(cpu).wiring();
      for (const std::span<Slot> slots : {w.mailbox, w.tlbi}) {
        if (word >= slots.data() && word < slots.data() + slots.size()) return cpu;
      }
    }
    return kNobody;
  }
  std::string line_of(u32 cpu) const {
    const Blocked& b = r_.blocked[cpu];
    if (b.is_done) return fmt::format("CPU {}: done", cpu);
    if (b.word == nullptr) return fmt::format("CPU {}: in {}", cpu, op_name(b.op));
    const u32 other = waits_for(cpu);
    const std::string name = names_.of_word(b.word).name;
    std::string s = fmt::format("CPU {}: in {}, waits for a {} ({})", cpu, op_name(b.op), wait_name(b.why), name);
    if (other == kNobody) return s + ": nobody is left to change that";
    s += is_held_by_one(b.why) || b.why == WaitFor::read_lock || b.why == WaitFor::write_lock
             ? fmt::format(": CPU {} holds it", other)
             : fmt::format(": CPU {} has to answer", other);
    if (subject_.machine().cpu(other).irqs_disabled()) s += ", which has its interrupts off";
    return s;
  }

  const Subject& subject_;
  const Replayed& r_;
  const ObjectNames& names_;
};

/// The last accesses of the CPU are a few words, again and again.
bool is_retry(const std::vector<Moment>& moments, u32 cpu) {
  constexpr std::size_t kLooked = 256;
  constexpr std::size_t kLongestLoop = 16;
  std::vector<const void*> words;
  for (auto m = moments.rbegin(); m != moments.rend() && words.size() < kLooked; ++m) {
    if (m->what == Moment::What::access && m->cpu == cpu) words.push_back(m->word);
  }
  for (std::size_t period = 1; period <= kLongestLoop && words.size() == kLooked; ++period) {
    if (std::equal(words.begin(), words.end() - static_cast<std::ptrdiff_t>(period),
                   words.begin() + static_cast<std::ptrdiff_t>(period))) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string stuck_text(const Subject& subject, const EngineOptions& options, const Replayed& replayed,
                       const std::vector<Moment>& moments, const ObjectNames& names) {
  if (replayed.end == End::endless) {
    const std::string text =
        fmt::format("endless: more than {} steps; CPU {} took the last ones, in {}: {}", options.most_steps,
                    replayed.last_cpu, op_name(subject.machine().cpu(replayed.last_cpu).op()),
                    is_retry(moments, replayed.last_cpu) ? "it does the same again and again, and never succeeds"
                                                         : "not a loop of few steps; --max-steps may be too low");
    return wrapped(text, 0, 98);
  }
  const WaitGraph graph(subject, replayed, names);
  return (graph.has_circle() ? "deadlock: each waits for the next\n"
                             : "lost wake-up: a CPU waits for what nobody will do any more\n") +
         graph.text();
}

}  // namespace hvo::stress
