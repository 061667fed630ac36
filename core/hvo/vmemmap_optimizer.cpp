#include "core/hvo/vmemmap_optimizer.h"

#include "core/sync/rcu.h"
#include "core/vmemmap/folio.h"

namespace hvo {

namespace {

constexpr std::string_view kUnmarkedRestored = "a folio is restored that is not marked hugetlb (its compound_meta)";

}  // namespace

class VmemmapOptimizer::GracePeriod {
 public:
  GracePeriod(const Design& design, std::span<Cpu* const> cpus) : cpus_(cpus), wanted_(design.waits_for_rcu) {}
  /// A walker that saw no fake head and has not stored yet is in a read section; after this there is none such left.
  void wait(Cpu& cpu) {
    if (wanted_) synchronize_rcu(cpu, cpus_);
    wanted_ = false;
  }

 private:
  std::span<Cpu* const> cpus_;
  bool wanted_;
};

VmemmapOptimizer::VmemmapOptimizer(Arena& arena, const Design& design, Vmemmap& vmemmap, const FrameTable& frames,
                                   FrameSource& source, Safeguards safeguards, u64 nr_cpus)
    : design_(design),
      vmemmap_(vmemmap),
      table_(vmemmap.table()),
      safeguards_(safeguards),
      remap_(arena, design, vmemmap, frames, source, safeguards, nr_cpus),
      enabled_(&arena.make<Word<u32>>(u32{1})),
      nr_optimized_(&arena.make<Word<u64>>()) {}

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

void VmemmapOptimizer::check_is_hugetlb(Cpu& cpu, Pfn head, std::string_view what) {
  const Page page = vmemmap_.page_of(head);
  const CompoundMeta meta{table_.peek_word((page + 1).va + page_field::compound_meta)};
  const bool is_large = (table_.peek_word(page.va + page_field::flags) & PG_head) != 0;
  if (is_large && meta.is_hugetlb()) return;
  cpu.report(
      {.rule = Rule::bad_page, .object = page.va, .expected = CompoundMeta::kHugetlb, .seen = meta.v, .what = what});
}

void VmemmapOptimizer::raise_key(Cpu& cpu) {
  if (design_.uses_static_key) vmemmap_.key().inc(cpu, table_.cpus());
}

void VmemmapOptimizer::lower_key(Cpu& cpu) {
  if (design_.uses_static_key) vmemmap_.key().dec(cpu, table_.cpus());
}

// ---- optimise
// ------------------------------------------------------------------------------------------------------------

bool VmemmapOptimizer::may_optimize(Cpu& cpu, Order order) const {
  const bool wanted = cpu.read_once(*enabled_) != 0;
  return wanted && design_.optimizes() && vmemmap_.geometry().vmemmap_pages(order) > design_.nr_kept_pages();
}

bool VmemmapOptimizer::is_self_hosted(Cpu& cpu, Pfn head, Order order) const {
  if (!safeguards_.has(Safeguard::self_hosted_check)) return false;
  return table_.is_self_hosted(cpu, vmemmap_.page_of(head + (order.nr_pages() - 1)).va);
}

std::expected<void, Errno> VmemmapOptimizer::hugetlb_vmemmap_optimize_folio(Cpu& cpu, Pfn head, Order order) {
  const OpScope scope(cpu, Op::hugetlb_vmemmap_optimize_folio);
  if (!may_optimize(cpu, order)) {
    cpu.count(Event::optimize_skipped);
    return std::unexpected(Errno::enotsupp);
  }
  const CostCheck cost(cpu, budget(1), "more flushes or grace periods than optimising one folio needs");
  GracePeriod grace(design_, table_.cpus());
  FrameList freed = remap_.make_list();
  const auto done = optimize(cpu, head, order, Flush::now, grace, freed);
  remap_.free_frames(cpu, freed);
  return done;
}

void VmemmapOptimizer::hugetlb_vmemmap_optimize_folios(Cpu& cpu, std::span<const Pfn> heads, Order order) {
  const OpScope scope(cpu, Op::hugetlb_vmemmap_optimize_folio);
  if (heads.empty()) return;
  if (!may_optimize(cpu, order)) {
    cpu.count(Event::optimize_skipped, heads.size());
    return;
  }
  CostCheck cost(cpu, budget(2), "more flushes or grace periods than optimising one batch needs");
  for (const Pfn head : heads) {
    if (is_self_hosted(cpu, head, order)) continue;
    // Out of memory already: what is not split now is split, flushed and so on one by one below.
    if (!remap_.split(cpu, head, order)) break;
  }
  table_.flush_tlb_all(cpu);
  GracePeriod grace(design_, table_.cpus());
  FrameList freed = remap_.make_list();
  for (const Pfn head : heads) {
    const auto done = optimize(cpu, head, order, Flush::deferred, grace, freed);
    if (done || done.error() == Errno::enotsupp) continue;
    cost.allow_flush();  // a remap that was undone
    if (done.error() != Errno::enomem || freed.is_empty()) continue;
    // The frames won so far may be what is missing.
    cpu.count(Event::window_batch_retry);
    cost.allow_flush();
    table_.flush_tlb_all(cpu);
    remap_.free_frames(cpu, freed);
    if (!optimize(cpu, head, order, Flush::deferred, grace, freed)) cost.allow_flush();
  }
  if (safeguards_.has(Safeguard::flush_before_free)) table_.flush_tlb_all(cpu);
  remap_.free_frames(cpu, freed);
}

std::expected<void, Errno> VmemmapOptimizer::optimize(Cpu& cpu, Pfn head, Order order, Flush flush, GracePeriod& grace,
                                                      FrameList& freed) {
  if (is_self_hosted(cpu, head, order)) {
    cpu.count(Event::optimize_refused);
    return std::unexpected(Errno::enotsupp);
  }
  check_is_hugetlb(cpu, head, "a folio is optimised that is not marked hugetlb (its compound_meta)");
  // Before the first remap: from the moment a fake head exists, every lookup must check for it (Z32).
  const bool key_first = safeguards_.has(Safeguard::key_before_remap);
  if (key_first) raise_key(cpu);
  grace.wait(cpu);
  // Until the flush, a CPU may use the head through its old frame: set before the copy, the flag is in both (Z33).
  const bool flag_first = design_.copies_head && safeguards_.has(Safeguard::flag_before_copy);
  if (flag_first) set_flag(cpu, head, true);
  if (auto r = remap_.remap_free(cpu, head, order, flush, freed); !r) {
    if (flag_first) set_flag(cpu, head, false);
    if (key_first) lower_key(cpu);
    if (r.error() == Errno::enomem) cpu.count(Event::window_optimize_enomem);
    return r;
  }
  if (!key_first) raise_key(cpu);
  if (!flag_first) set_flag(cpu, head, true);
  ref(*nr_optimized_).fetch_add(1, std::memory_order::relaxed);
  cpu.count(Event::folio_optimized);
  return {};
}

void VmemmapOptimizer::adopt_boot_folio(Cpu& cpu, Pfn head, Order order) {
  raise_key(cpu);
  set_flag(cpu, head, true);
  remap_.note_boot_folio(order);
  ref(*nr_optimized_).fetch_add(1, std::memory_order::relaxed);
}

// ---- restore
// -------------------------------------------------------------------------------------------------------------

std::expected<void, Errno> VmemmapOptimizer::hugetlb_vmemmap_restore_folio(Cpu& cpu, Pfn head, Order order) {
  const OpScope scope(cpu, Op::hugetlb_vmemmap_restore_folio);
  const bool optimized = is_optimized(cpu, head);
  // A folio that is full may cost nothing (c2a967f6ab0e, Z6).
  const CostCheck cost(cpu, optimized ? budget(1) : CostBudget{}, "more flushes or grace periods than a restore needs");
  check_is_hugetlb(cpu, head, kUnmarkedRestored);
  GracePeriod grace(design_, table_.cpus());
  if (optimized) return restore(cpu, head, order, Flush::now, grace);
  if (!safeguards_.has(Safeguard::test_before_grace)) grace.wait(cpu);
  return {};
}

u64 VmemmapOptimizer::hugetlb_vmemmap_restore_folios(Cpu& cpu, std::span<const Pfn> heads, Order order) {
  const OpScope scope(cpu, Op::hugetlb_vmemmap_restore_folio);
  CostCheck cost(cpu, {.flushes = 1}, "more flushes or grace periods than restoring one batch needs");
  GracePeriod grace(design_, table_.cpus());
  if (!safeguards_.has(Safeguard::test_before_grace)) grace.wait(cpu);
  u64 nr_done = 0;
  bool remapped = false;
  for (const Pfn head : heads) {
    if (is_optimized(cpu, head)) {
      check_is_hugetlb(cpu, head, kUnmarkedRestored);
      if (design_.waits_for_rcu) cost.allow_grace_period();
      if (!restore(cpu, head, order, Flush::deferred, grace)) break;
      remapped = true;
    }
    ++nr_done;
  }
  // Until here other CPUs may read the tails through what they were mapped to: the same bytes but for fake heads, and
  // the folio is still its owner's.
  if (remapped) table_.flush_tlb_all(cpu);
  return nr_done;
}

std::expected<void, Errno> VmemmapOptimizer::restore(Cpu& cpu, Pfn head, Order order, Flush flush, GracePeriod& grace) {
  grace.wait(cpu);
  const bool key_last = safeguards_.has(Safeguard::key_before_remap);
  if (!key_last) lower_key(cpu);
  if (auto r = remap_.remap_alloc(cpu, head, order, flush); !r) {
    cpu.count(Event::window_restore_enomem);
    if (!key_last) raise_key(cpu);
    return r;
  }
  set_flag(cpu, head, false);
  // Only now: as long as one fake head may be left, the check must be on. With a deferred flush a CPU may still see one
  // through an old translation; the kernel lowers its key here too, and only a lookup without a reference can tell.
  if (key_last) lower_key(cpu);
  ref(*nr_optimized_).fetch_add(~u64{0}, std::memory_order::relaxed);
  cpu.count(Event::folio_restored);
  return {};
}

}  // namespace hvo
