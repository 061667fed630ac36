// TestMachine: the smallest machine that has a seam: some Cpus, a few frames, one page table written by hand.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/arena.h"
#include "core/base/hash.h"
#include "core/cpu/cpu.h"

namespace hvo::test {

struct TestKnobs {
  FlushBy flush_by = FlushBy::ipi;
  bool ll_sc = false;
};

/// All mutable state is in the arena. Virtual page i is mapped by pte(i); present entries hold frame << 8 | bits.
class TestMachine {
 public:
  static constexpr u8 kPageShift = 9;
  static constexpr u8 kPmdShift = 11;
  static constexpr u64 kPage = u64{1} << kPageShift;
  static constexpr u32 kFrames = 16;
  static constexpr u64 kPresent = 1;
  static constexpr u64 kWritable = 2;
  static constexpr u64 kBlock = 4;

  explicit TestMachine(u32 n, TestKnobs knobs = {}) : knobs_(knobs), arena_(Arena::create(u64{1} << 20).value()) {
    frames_.memory = arena_.make_span<std::byte>(kFrames * kPage).data();
    frames_.notes = arena_.make_span<FrameNote>(kFrames);
    frames_.clock = &arena_.make<Word<u32>>();
    frames_.page_shift = kPageShift;
    for (u32 f = 0; f < kFrames; ++f) frames_.set_state({f}, FrameState::vmemmap);
    ptes_ = arena_.make_span<Word<u64>>(kFrames);
    for (u32 id = 0; id < n; ++id) add_cpu(id, n);
  }

  static constexpr u64 entry(u32 frame, u64 bits = kWritable) { return u64{frame} << 8 | bits | kPresent; }
  static constexpr u64 va(u64 page) { return page << kPageShift; }

  Cpu& cpu(u32 i) { return cpus_[i]; }
  std::span<Cpu* const> all() { return all_; }
  Word<u64>& pte(u64 page) { return ptes_[page]; }
  const FrameTable& frames() const { return frames_; }
  Arena& arena() { return arena_; }
  u64 hash() const { return hash_bytes(arena_.bytes()); }
  /// The frame leaves its owner: what an allocator does when it takes it back.
  void retire(u32 frame) {
    const u32 now = ref(*frames_.clock).fetch_add(1, std::memory_order::relaxed) + 1;
    frames_.set_epoch({frame}, now);
  }
  u64 violations() const {
    u64 n = 0;
    for (const auto& d : diagnostics_) n += d->violations.total();
    return n;
  }
  u64 violations(Rule rule) const {
    u64 n = 0;
    for (const auto& d : diagnostics_) n += d->violations.count[static_cast<unsigned>(rule)];
    return n;
  }
  /// One host thread per body, each acting as one Cpu; all start together.
  void run_threads(const std::vector<std::function<void(Cpu&)>>& bodies) {
    std::atomic<u64> waiting{bodies.size()};
    std::vector<std::jthread> threads;
    for (u32 i = 0; i < bodies.size(); ++i) {
      threads.emplace_back([&, i] {
        waiting.fetch_sub(1, std::memory_order::acq_rel);
        while (waiting.load(std::memory_order::acquire) != 0) std::this_thread::yield();
        cpu(i).run();
        bodies[i](cpu(i));
        cpu(i).idle();
      });
    }
  }

 private:
  static Translation walk(void* mmu, Cpu& cpu, u64 va) {
    auto& self = *static_cast<TestMachine*>(mmu);
    const u64 e = cpu.walker_load(self.ptes_[(va >> kPageShift) % kFrames]);
    return {(e & kPresent) != 0, (e & kBlock) != 0, (e & kWritable) != 0, {static_cast<u32>(e >> 8)}};
  }
  void add_cpu(u32 id, u32 n) {
    CpuWiring w;
    w.state = &arena_.make<CpuState>();
    w.state->id = id;
    w.mailbox = arena_.make_span<Slot>(n);
    w.tlbi = arena_.make_span<Slot>(n);
    w.flush_by = knobs_.flush_by;
    w.ll_sc = knobs_.ll_sc;
    w.tlb = {arena_.make_span<TlbEntry>(8), arena_.make_span<TlbEntry>(4), kPageShift, kPmdShift};
    w.tlb.flush(0, ~u64{0});
    for (TlbEntry& e : w.tlb.pages) e = {};
    for (TlbEntry& e : w.tlb.blocks) e = {};
    w.frames = &frames_;
    w.arena = arena_.bytes().data();
    diagnostics_.push_back(std::make_unique<Diagnostics>());
    w.diagnostics = diagnostics_.back().get();
    w.mmu = this;
    w.walk = walk;
    all_.push_back(&cpus_.emplace_back(w));
  }

  TestKnobs knobs_;
  Arena arena_;
  FrameTable frames_;
  std::span<Word<u64>> ptes_;
  std::vector<std::unique_ptr<Diagnostics>> diagnostics_;
  std::deque<Cpu> cpus_;
  std::vector<Cpu*> all_;
};

}  // namespace hvo::test
