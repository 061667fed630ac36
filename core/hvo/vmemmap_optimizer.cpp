#include "core/hvo/vmemmap_optimizer.h"

#include <cstring>

#include "core/hvo/cost_check.h"

namespace hvo {

namespace {
constexpr auto kRelaxed = std::memory_order::relaxed;

void add(Word<u64>& statistic, u64 delta) { ref(statistic).fetch_add(delta, kRelaxed); }
}  // namespace

VmemmapOptimizer::VmemmapOptimizer(Arena& arena, const Design& design, Vmemmap& vmemmap, const FrameTable& frames,
                                   FrameSource& source, Safeguards safeguards, u64 nr_cpus)
    : design_(design),
      vmemmap_(vmemmap),
      table_(vmemmap.table()),
      frames_(frames),
      source_(source),
      safeguards_(safeguards),
      enabled_(&arena.make<Word<u32>>(u32{1})),
      stats_(&arena.make<Stats>()),
      links_(arena.make_span<u32>(frames.nr_frames())),
      scratch_(arena.make_span<std::byte>(nr_cpus * vmemmap.geometry().page_size())) {
  ref(stats_->nr_memmap_pages).store(table_.nr_pmds() << vmemmap.geometry().table_shift, kRelaxed);
}

VmemmapOptimizer::Range VmemmapOptimizer::range_of(Pfn head, Order order) const {
  const u64 reuse = vmemmap_.page_of(head).va;
  const Geometry& g = vmemmap_.geometry();
  return {reuse, reuse + g.page_size(), reuse + g.vmemmap_size(order)};
}

bool VmemmapOptimizer::is_optimized(Cpu& cpu, Pfn head) const {
  const u64 flags = cpu.read_once_at<u64>(vmemmap_.page_of(head).va + page_field::priv);
  return (flags & HPG_vmemmap_optimized) != 0;
}

void VmemmapOptimizer::set_flag(Cpu& cpu, Pfn head, bool optimized) {
  const u64 va = vmemmap_.page_of(head).va + page_field::priv;
  // The head page is never mapped read-only, so this can't trap in a correct machine; a trap was reported where it
  // happened.
  if (optimized) {
    (void)cpu.fetch_or_at<u64>(va, HPG_vmemmap_optimized);
  } else {
    (void)cpu.fetch_and_at<u64>(va, ~HPG_vmemmap_optimized);
  }
}

// ---- optimise
// ------------------------------------------------------------------------------------------------------------

bool VmemmapOptimizer::may_optimize(Cpu& cpu, Order order) const {
  const bool wanted = cpu.read_once(*enabled_) != 0;
  return wanted && design_.optimizes() && vmemmap_.geometry().is_optimizable(order);
}

std::expected<void, Errno> VmemmapOptimizer::hugetlb_vmemmap_optimize_folio(Cpu& cpu, Pfn head, Order order) {
  const OpScope scope(cpu, Op::hugetlb_vmemmap_optimize_folio);
  if (!may_optimize(cpu, order)) return std::unexpected(Errno::enotsupp);
  const CostCheck cost(cpu, {.flushes = 1}, "more flushes or grace periods than optimising one folio needs");
  FrameList freed(links_);
  const auto done = optimize(cpu, head, order, Flush::now, freed);
  free_vmemmap_frames(cpu, freed);
  return done;
}

void VmemmapOptimizer::hugetlb_vmemmap_optimize_folios(Cpu& cpu, std::span<const Pfn> heads, Order order) {
  const OpScope scope(cpu, Op::hugetlb_vmemmap_optimize_folio);
  if (heads.empty() || !may_optimize(cpu, order)) return;
  CostCheck cost(cpu, {.flushes = 2}, "more flushes or grace periods than optimising one batch needs");
  for (const Pfn head : heads) {
    // Out of memory already: what is not split now is split, flushed and so on one by one below.
    if (!vmemmap_remap_split(cpu, range_of(head, order))) break;
  }
  table_.flush_tlb_all(cpu);
  FrameList freed(links_);
  for (const Pfn head : heads) {
    const auto done = optimize(cpu, head, order, Flush::deferred, freed);
    if (done) continue;
    cost.allow_flush();  // a remap that was undone
    if (done.error() != Errno::enomem || freed.is_empty()) continue;
    // The frames won so far may be what is missing.
    cost.allow_flush();
    table_.flush_tlb_all(cpu);
    free_vmemmap_frames(cpu, freed);
    if (!optimize(cpu, head, order, Flush::deferred, freed)) cost.allow_flush();
  }
  if (safeguards_.has(Safeguard::flush_before_free)) table_.flush_tlb_all(cpu);
  free_vmemmap_frames(cpu, freed);
}

std::expected<void, Errno> VmemmapOptimizer::optimize(Cpu& cpu, Pfn head, Order order, Flush flush, FrameList& freed) {
  // Before the first remap: from the moment a fake head exists, every lookup must check for it (Z32).
  const bool key_first = safeguards_.has(Safeguard::key_before_remap);
  if (key_first) vmemmap_.key().inc(cpu, table_.cpus());
  if (auto r = vmemmap_remap_free(cpu, range_of(head, order), flush, freed); !r) {
    if (key_first) vmemmap_.key().dec(cpu, table_.cpus());
    if (r.error() == Errno::enomem) cpu.count(Event::window_optimize_enomem);
    return r;
  }
  if (!key_first) vmemmap_.key().inc(cpu, table_.cpus());
  set_flag(cpu, head, true);
  add(stats_->nr_optimized, 1);
  cpu.count(Event::folio_optimized);
  return {};
}

std::expected<void, Errno> VmemmapOptimizer::vmemmap_remap_split(Cpu& cpu, const Range& range) {
  const OpScope scope(cpu, Op::vmemmap_split_pmd);
  const ReadGuard guard(cpu, table_.init_mm().mmap_lock);
  const u64 pmd = vmemmap_.geometry().pmd_size();
  for (u64 va = range.reuse; va < range.end; va = align_down(va, pmd) + pmd) {
    if (const auto split = table_.vmemmap_split_pmd(cpu, va, SplitFlush::deferred); !split) {
      return std::unexpected(split.error());
    }
  }
  return {};
}

std::expected<void, Errno> VmemmapOptimizer::remap_tails(Cpu& cpu, const Range& range, FrameList& freed, u64& walked) {
  const u64 page = vmemmap_.geometry().page_size();
  const u64 pmd = vmemmap_.geometry().pmd_size();
  FrameNo reuse = kNoFrame;
  for (u64 va = range.reuse; va != range.end; va += page) {
    if (va == range.reuse || is_aligned(va, pmd)) {
      const auto split = table_.vmemmap_split_pmd(cpu, va, SplitFlush::now);
      if (!split) return std::unexpected(split.error());
    }
    const Pte pte = table_.pte_at(cpu, va);
    if (va == range.reuse) {
      reuse = pte.frame();
    } else {
      freed.push_back(pte.frame());
      table_.set_pte(cpu, va, Pte::make(reuse, false));
    }
    walked = va + page;
  }
  return {};
}

void VmemmapOptimizer::undo_remap(Cpu& cpu, u64 start, u64 walked, FrameList& freed) {
  // The old frames still hold the tails as they were: nobody could store through the read-only alias. So putting their
  // PTEs back is all; the kernel copies the same bytes once more.
  cpu.count(Event::window_partial_rollback);
  for (u64 va = start; !freed.is_empty(); va += vmemmap_.geometry().page_size()) {
    table_.set_pte(cpu, va, Pte::make(freed.pop_front(), true));
  }
  table_.flush_tlb_kernel_range(cpu, start, walked);
}

std::expected<void, Errno> VmemmapOptimizer::vmemmap_remap_free(Cpu& cpu, const Range& range, Flush flush,
                                                                FrameList& freed) {
  const OpScope scope(cpu, Op::vmemmap_remap_free);
  FrameList mine(links_);
  u64 walked = range.reuse;
  const ReadGuard guard(cpu, table_.init_mm().mmap_lock);
  if (const auto remapped = remap_tails(cpu, range, mine, walked); !remapped) {
    if (!mine.is_empty()) undo_remap(cpu, range.start, walked, mine);
    return remapped;
  }
  if (flush == Flush::now && safeguards_.has(Safeguard::flush_before_free)) {
    table_.flush_tlb_kernel_range(cpu, range.start, range.end);
  }
  while (!mine.is_empty()) freed.push_back(mine.pop_front());
  return {};
}

void VmemmapOptimizer::free_vmemmap_frames(Cpu& cpu, FrameList& list) {
  add(stats_->nr_memmap_pages, u64{0} - list.size());
  while (!list.is_empty()) source_.free(cpu, list.pop_front(), Order{0});
}

// ---- restore
// -------------------------------------------------------------------------------------------------------------

std::expected<void, Errno> VmemmapOptimizer::hugetlb_vmemmap_restore_folio(Cpu& cpu, Pfn head, Order order) {
  const OpScope scope(cpu, Op::hugetlb_vmemmap_restore_folio);
  const bool optimized = is_optimized(cpu, head);
  // A folio that is full may cost nothing (c2a967f6ab0e).
  const CostCheck cost(cpu, {.flushes = optimized ? u64{1} : u64{0}},
                       "more flushes or grace periods than a restore needs");
  if (!optimized) return {};
  return restore(cpu, head, order, Flush::now);
}

u64 VmemmapOptimizer::hugetlb_vmemmap_restore_folios(Cpu& cpu, std::span<const Pfn> heads, Order order) {
  const OpScope scope(cpu, Op::hugetlb_vmemmap_restore_folio);
  const CostCheck cost(cpu, {.flushes = 1}, "more flushes or grace periods than restoring one batch needs");
  u64 nr_done = 0;
  bool remapped = false;
  for (const Pfn head : heads) {
    if (is_optimized(cpu, head)) {
      if (!restore(cpu, head, order, Flush::deferred)) break;
      remapped = true;
    }
    ++nr_done;
  }
  // Until here other CPUs may read the tails through the head's frame: the same bytes but for fake heads, and the folio
  // is still its owner's.
  if (remapped) table_.flush_tlb_all(cpu);
  return nr_done;
}

std::expected<void, Errno> VmemmapOptimizer::restore(Cpu& cpu, Pfn head, Order order, Flush flush) {
  if (auto r = vmemmap_remap_alloc(cpu, range_of(head, order), flush); !r) {
    cpu.count(Event::window_restore_enomem);
    return r;
  }
  set_flag(cpu, head, false);
  // Only now: as long as one fake head may be left, the check must be on. With a deferred flush a CPU may still see one
  // through an old translation; the kernel lowers its key here too, and only a lookup without a reference can tell.
  vmemmap_.key().dec(cpu, table_.cpus());
  add(stats_->nr_optimized, ~u64{0});
  cpu.count(Event::folio_restored);
  return {};
}

std::expected<void, Errno> VmemmapOptimizer::alloc_vmemmap_frames(Cpu& cpu, u64 nr, FrameList& list) {
  while (list.size() < nr) {
    const auto frame = source_.alloc(cpu, Order{0});
    if (!frame) {
      while (!list.is_empty()) source_.free(cpu, list.pop_front(), Order{0});
      return std::unexpected(frame.error());
    }
    frames_.set_state(*frame, FrameState::vmemmap);
    list.push_back(*frame);
  }
  add(stats_->nr_memmap_pages, nr);
  return {};
}

const std::byte* VmemmapOptimizer::make_restored_page(Cpu& cpu, u64 reuse) {
  const u64 size = vmemmap_.geometry().page_size();
  std::byte* page = scratch_.data() + cpu.id() * size;
  cpu.copy_page(page, reuse);
  cpu.count(Event::bytes_copied, size);
  if (safeguards_.has(Safeguard::reset_struct_pages)) {
    // The head and the first tails carry flags and metadata that no other tail may have; the structs after them are
    // clean tails of the same folio (reset_struct_pages).
    const u64 bytes = design_.nr_reset_struct_pages * kStructPageSize;
    std::memcpy(page, page + bytes, bytes);
  }
  return page;
}

std::expected<void, Errno> VmemmapOptimizer::vmemmap_remap_alloc(Cpu& cpu, const Range& range, Flush flush) {
  const OpScope scope(cpu, Op::vmemmap_remap_alloc);
  const u64 page = vmemmap_.geometry().page_size();
  FrameList frames(links_);
  if (auto r = alloc_vmemmap_frames(cpu, (range.end - range.start) / page, frames); !r) return r;

  const ReadGuard guard(cpu, table_.init_mm().mmap_lock);
  const FrameNo reuse = table_.pte_at(cpu, range.reuse).frame();
  const std::byte* content = make_restored_page(cpu, range.reuse);
  for (u64 va = range.start; va != range.end; va += page) {
    const Pte old = table_.pte_at(cpu, va);
    if (old.frame() != reuse || old.is_writable()) {
      cpu.report({.rule = Rule::range,
                  .object = va,
                  .expected = Pte::make(reuse, false).v,
                  .seen = old.v,
                  .what = "a tail of an optimised folio does not map the head's frame read-only (PTEs)"});
    }
    const FrameNo frame = frames.pop_front();
    cpu.fill_frame(frame, content);
    cpu.count(Event::bytes_copied, page);
    table_.set_pte(cpu, va, Pte::make(frame, true));
  }
  if (flush == Flush::now) table_.flush_tlb_kernel_range(cpu, range.start, range.end);
  return {};
}

}  // namespace hvo
