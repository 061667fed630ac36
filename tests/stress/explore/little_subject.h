// LittleSubject: programs of a test's own, one per CPU of a tiny machine, that share a few words of its memory.
#pragma once

#include <functional>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "stress/explore/subjects/subject.h"

namespace hvo::test {

/// All violations are let pass: what matters is how the schedule ends.
class LittleSubject final : public stress::Subject {
 public:
  using Body = std::function<void(LittleSubject&, Cpu&)>;
  /// Looked at the end of each schedule that comes to one.
  using AtEnd = std::function<void(LittleSubject&, stress::Outcomes&)>;
  explicit LittleSubject(std::vector<Body> bodies, AtEnd at_end = {})
      : Subject(Machine::create(config(static_cast<u32>(bodies.size()))).value()),
        bodies_(std::move(bodies)),
        at_end_(std::move(at_end)) {
    const FrameTable& frames = machine().frame_table();
    frames.set_state({static_cast<u32>(frames.nr_frames() - 1)}, FrameState::vmemmap);  // in use: not poisoned
    for (u32 i = 0; i < kWords; ++i) word(i).raw = 0;
    for (u32 i = 0; i < kMutexes; ++i) new (&mutex(i)) Mutex(LockRank(LockClass::resize, i));
    begin_here();
  }
  static stress::MakeSubject maker(const std::vector<Body>& bodies, const AtEnd& at_end = {}) {
    return [=] { return std::make_unique<LittleSubject>(bodies, at_end); };
  }

  static constexpr u32 kWords = 16;
  static constexpr u32 kMutexes = 4;
  Word<u64>& word(u32 i) { return reinterpret_cast<Word<u64>*>(frame())[i]; }
  Mutex& mutex(u32 i) { return reinterpret_cast<Mutex*>(frame() + kWords * sizeof(u64))[i]; }
  InitMm& init_mm() { return machine().page_table().init_mm(); }
  SpinLock& hugetlb_lock() { return const_cast<SpinLock&>(machine().hugetlb().hugetlb_lock()); }

  /// Its bodies keep nothing on the heap and nothing in variables of the test.
  void allow_checkpoints() { can_keep_ = true; }
  bool can_keep() const override { return can_keep_; }
  void act(Cpu& cpu) override { bodies_[cpu.id()](*this, cpu); }
  bool ends_with(const Violation& /*violation*/) override { return false; }
  void judge(stress::End end, stress::Outcomes& outcomes, EventCounts& /*events*/, u64 /*trace*/) override {
    if (end == stress::End::deadlock || end == stress::End::endless) outcomes.add(stress::Key::stuck);
    if (end != stress::End::done) return;
    note_state();
    if (at_end_) at_end_(*this, outcomes);
  }

 private:
  static MachineConfig config(u32 nr_cpus) {
    MachineConfig c;
    c.geometry = *find_geometry("tiny");
    c.design = find_design("none");
    c.memory_pages = 64;
    c.nr_cpus = nr_cpus;
    c.recording = false;
    return c;
  }
  /// The last one: nobody allocates here.
  std::byte* frame() {
    const FrameTable& frames = machine().frame_table();
    return frames.memory + ((frames.nr_frames() - 1) << frames.page_shift);
  }

  std::vector<Body> bodies_;
  AtEnd at_end_;
  bool can_keep_ = false;
};

}  // namespace hvo::test
