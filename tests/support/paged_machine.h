// PagedMachine: CPUs, frames and the vmemmap's page tables, and nothing above them.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "core/frame/physical_memory.h"
#include "core/pgtable/page_table.h"

namespace hvo::test {

struct PagedConfig {
  Geometry geometry = *find_geometry("tiny");
  u64 nr_pmds = 4;
  u64 nr_pages_less = 0;  ///< so many struct pages fewer than fill these PMDs
  u32 nr_cpus = 2;
  u64 budget_pages = 4096;
  Safeguards safeguards{};
};

/// CPU 0 runs, the others are idle, so nobody waits for them, until run_threads drives them or a test calls run().
class PagedMachine {
 public:
  static constexpr u64 kBase = 0xffffea0000000000;

  explicit PagedMachine(const PagedConfig& config = {})
      : geometry_(config.geometry),
        arena_(Arena::create(u64{64} << 20).value()),
        memory_(PhysicalMemory::create(arena_, frames_for(config), config.geometry.page_shift).value()),
        budget_(arena_, config.budget_pages),
        source_(arena_, FrameAllocatorConfig{.nr_cpus = config.nr_cpus, .pcp_high = 0, .poison = true},
                memory_.frames(), budget_),
        table_(arena_, config.geometry, memory_.frames(), source_, config.safeguards, kBase,
               config.nr_pmds * config.geometry.structs_per_pmd() - config.nr_pages_less, make_cpus(config.nr_cpus)) {
    for (Cpu& cpu : cpus_) cpu.set_mmu(&table_, &PageTable::walk_fn);
    cpus_[0].run();
  }
  /// Maps the vmemmap; false: no memory.
  bool populate() { return table_.populate(cpu()).has_value(); }

  Cpu& cpu(u32 i = 0) { return cpus_[i]; }
  std::span<Cpu* const> all() { return all_; }
  PageTable& table() { return table_; }
  FrameSource& source() { return source_; }
  Budget& budget() { return budget_; }
  Arena& arena() { return arena_; }
  const FrameTable& frames() const { return memory_.frames(); }
  const Geometry& geometry() const { return geometry_; }
  u64 count(Event e) const {
    u64 n = 0;
    for (const auto& d : diagnostics_) n += d->counts[e];
    return n;
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
  /// The first violation that CPU 0 reported.
  const Violation& first_violation() const { return diagnostics_[0]->violations.first[0]; }

  /// Splits with the mmap lock held, as callers must.
  std::expected<SplitResult, Errno> split(Cpu& cpu, u64 va, SplitFlush flush = SplitFlush::now) {
    const ReadGuard guard(cpu, table_.init_mm().mmap_lock);
    return table_.vmemmap_split_pmd(cpu, va, flush);
  }

  /// One host thread per body, each acting as one Cpu; all start together. CPU 0 must be running, the others idle.
  void run_threads(const std::vector<std::function<void(Cpu&)>>& bodies) {
    cpus_[0].idle();
    std::atomic<u64> waiting{bodies.size()};
    std::vector<std::jthread> threads;
    for (u32 i = 0; i < bodies.size(); ++i) {
      threads.emplace_back([&, i] {
        waiting.fetch_sub(1, std::memory_order::acq_rel);
        while (waiting.load(std::memory_order::acquire) != 0) std::this_thread::yield();
        cpus_[i].run();
        bodies[i](cpus_[i]);
        cpus_[i].idle();
      });
    }
    threads.clear();
    cpus_[0].run();
  }

 private:
  static u64 frames_for(const PagedConfig& c) {
    return (c.nr_pmds + 2) * c.geometry.ptrs_per_table() + 2 * c.nr_pmds + 64;
  }
  std::span<Cpu* const> make_cpus(u32 n) {
    for (u32 id = 0; id < n; ++id) {
      CpuWiring w;
      w.state = &arena_.make<CpuState>();
      w.state->id = id;
      w.mailbox = arena_.make_span<Slot>(n);
      w.tlb = {arena_.make_span<TlbEntry>(16), arena_.make_span<TlbEntry>(4), geometry_.page_shift,
               static_cast<u8>(geometry_.page_shift + geometry_.table_shift)};
      for (TlbEntry& e : w.tlb.pages) e = {};
      for (TlbEntry& e : w.tlb.blocks) e = {};
      w.frames = &memory_.frames();
      w.arena = arena_.bytes().data();
      w.diagnostics = diagnostics_.emplace_back(std::make_unique<Diagnostics>()).get();
      cpus_.emplace_back(w);
    }
    for (Cpu& cpu : cpus_) all_.push_back(&cpu);
    return all_;
  }

  Geometry geometry_;
  Arena arena_;
  PhysicalMemory memory_;
  std::vector<std::unique_ptr<Diagnostics>> diagnostics_;
  std::deque<Cpu> cpus_;
  std::vector<Cpu*> all_;
  Budget budget_;
  FrameSource source_;
  PageTable table_;
};

}  // namespace hvo::test
