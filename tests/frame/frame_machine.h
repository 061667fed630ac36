// FrameMachine: CPUs, frames, a budget and a FrameSource, and no page table.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "core/frame/frame_source.h"
#include "core/frame/physical_memory.h"

namespace hvo::test {

class FrameMachine {
 public:
  static constexpr u8 kPageShift = 9;

  /// `budget_pages`: of each node.
  FrameMachine(u64 nr_frames, u64 budget_pages, const FrameAllocatorConfig& config, u32 nr_nodes = 1,
               u8 page_shift = kPageShift, Backing backing = Backing::file)
      : arena_(Arena::create(u64{64} << 20).value()),
        memory_(PhysicalMemory::create(arena_, nr_frames, page_shift, backing).value()),
        budgets_(make_budgets(budget_pages, nr_nodes)),
        source_(arena_, config, memory_.frames(), budgets_) {
    for (u32 id = 0; id < config.nr_cpus; ++id) {
      CpuWiring w;
      w.state = &arena_.make<CpuState>();
      w.state->id = id;
      w.mailbox = arena_.make_span<Slot>(config.nr_cpus);
      w.frames = &memory_.frames();
      w.arena = arena_.bytes().data();
      w.diagnostics = diagnostics_.emplace_back(std::make_unique<Diagnostics>()).get();
      cpus_.emplace_back(w).run();
    }
  }

  Cpu& cpu(u32 i = 0) { return cpus_[i]; }
  FrameSource& source() { return source_; }
  FailingAllocator<NodeFrames>& failing() { return source_.next(); }
  NodeFrames& nodes() { return source_.next().next(); }
  FrameAllocator& allocator(u32 node = 0) { return nodes().node({node}); }
  Budget& budget(u32 node = 0) { return budgets_[node]; }
  const FrameTable& frames() const { return memory_.frames(); }
  PhysicalMemory& memory() { return memory_; }
  Arena& arena() { return arena_; }
  u32 epoch(FrameNo f) const { return frames().epoch_of(f); }
  u64 violations(Rule rule) const {
    u64 n = 0;
    for (const auto& d : diagnostics_) n += d->violations.count[static_cast<unsigned>(rule)];
    return n;
  }
  u64 violations() const {
    u64 n = 0;
    for (const auto& d : diagnostics_) n += d->violations.total();
    return n;
  }

  /// One host thread per CPU, each running body(its cpu).
  void run_threads(const std::function<void(Cpu&)>& body) {
    std::vector<std::jthread> threads;
    for (Cpu& cpu : cpus_) {
      threads.emplace_back([&cpu, &body] {
        body(cpu);
        cpu.idle();
      });
    }
    threads.clear();
    for (Cpu& cpu : cpus_) cpu.run();
  }

 private:
  std::vector<Budget> make_budgets(u64 nr_pages, u32 nr_nodes) {
    std::vector<Budget> budgets;
    budgets.reserve(nr_nodes);
    for (u32 n = 0; n < nr_nodes; ++n) budgets.emplace_back(arena_, nr_pages);
    return budgets;
  }

  Arena arena_;
  PhysicalMemory memory_;
  std::vector<Budget> budgets_;
  FrameSource source_;
  std::vector<std::unique_ptr<Diagnostics>> diagnostics_;
  std::deque<Cpu> cpus_;
};

}  // namespace hvo::test
