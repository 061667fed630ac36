#include "core/hvo/vmemmap_remap.h"

#include <cstring>
#include <utility>

namespace hvo {

VmemmapRemap::VmemmapRemap(Arena& arena, const Design& design, Vmemmap& vmemmap, const FrameTable& frames,
                           FrameSource& source, Safeguards safeguards, u64 nr_cpus)
    : design_(design),
      vmemmap_(vmemmap),
      table_(vmemmap.table()),
      frames_(frames),
      source_(source),
      safeguards_(safeguards),
      shared_tails_(arena, vmemmap, frames, source, safeguards, nr_cpus),
      nr_memmap_pages_(&arena.make<Word<u64>>()),
      links_(arena.make_span<u32>(frames.nr_frames())),
      scratch_(arena.make_span<std::byte>(nr_cpus * vmemmap.geometry().page_size())) {
  note_memmap_pages(table_.nr_vmemmap_pages());
}

VmemmapRemap::Range VmemmapRemap::range_of(Pfn head, Order order) const {
  const u64 first = vmemmap_.page_of(head).va;
  const Geometry& g = vmemmap_.geometry();
  return {first, first + design_.nr_kept_pages() * g.page_size(), first + g.vmemmap_size(order)};
}

bool VmemmapRemap::starts_pmd(const Range& range, u64 va) const {
  return va == range.first || is_aligned(va, vmemmap_.geometry().pmd_size());
}

std::span<std::byte> VmemmapRemap::scratch_of(Cpu& cpu) const {
  const u64 size = vmemmap_.geometry().page_size();
  return scratch_.subspan(cpu.id() * size, size);
}

// ---- frames
// --------------------------------------------------------------------------------------------------------------

std::expected<void, Errno> VmemmapRemap::alloc_frames(Cpu& cpu, u64 nr, NodeId node, FrameList& list) {
  const Placement at = design_.restores_on_node_only ? Placement::only(node) : Placement::first(node);
  bool helped = false;
  while (list.size() < nr) {
    const auto frame = source_.alloc(cpu, Order{0}, at);
    if (!frame) {
      if (at.this_node_only && has_several_nodes()) cpu.count(Event::window_restore_node_full);
      while (!list.is_empty()) source_.free(cpu, list.pop_front(), Order{0});
      return std::unexpected(frame.error());
    }
    frames_.set_state(*frame, FrameState::vmemmap);
    helped = helped || source_.next().next().node_of(*frame) != node;
    list.push_back(*frame);
  }
  if (helped) cpu.count(Event::window_restore_other_node);
  note_memmap_pages(nr);
  return {};
}

void VmemmapRemap::free_frames(Cpu& cpu, FrameList& freed) {
  note_memmap_pages(u64{0} - freed.size());
  while (!freed.is_empty()) source_.free(cpu, freed.pop_front(), Order{0});
}

std::expected<FrameNo, Errno> VmemmapRemap::copy_head(Cpu& cpu, Pfn head) {
  if (!design_.copies_head) return kNoFrame;
  const auto frame = source_.alloc(cpu, Order{0}, Placement::first(vmemmap_.node_of(head)));
  if (!frame) {
    if (design_.needs_head_copy) return frame;
    cpu.count(Event::window_head_kept_in_place);
    return kNoFrame;
  }
  frames_.set_state(*frame, FrameState::vmemmap);
  note_memmap_pages(1);
  const std::span<std::byte> page = scratch_of(cpu);
  // Others may still store to the old head: what they store after this is lost when the old frame goes (Z37).
  cpu.copy_page(page.data(), vmemmap_.page_of(head).va);
  cpu.fill_frame(*frame, page.data());
  cpu.count(Event::bytes_copied, 2 * page.size());
  return frame;
}

std::expected<FrameNo, Errno> VmemmapRemap::tails_at_boot(Cpu& cpu, Pfn head, Order order) {
  if (design_.tails != Tails::shared) return kNoFrame;
  return shared_tails_.get(cpu, vmemmap_.zone_of(head), order);
}

// ---- optimise
// ------------------------------------------------------------------------------------------------------------

std::expected<void, Errno> VmemmapRemap::split(Cpu& cpu, Pfn head, Order order) {
  const OpScope scope(cpu, Op::vmemmap_split_pmd);
  const WalkGuard guard(cpu, table_.init_mm(), split_lock());
  const Range range = range_of(head, order);
  const u64 pmd = vmemmap_.geometry().pmd_size();
  for (u64 va = range.first; va < range.end; va = align_down(va, pmd) + pmd) {
    const auto split = table_.vmemmap_split_pmd(cpu, va, SplitFlush::deferred, split_lock());
    if (!split) return std::unexpected(split.error());
  }
  return {};
}

std::expected<void, Errno> VmemmapRemap::remap_pages(Cpu& cpu, Remap& remap, FrameList& freed) {
  const Range& range = remap.range;
  for (u64 va = range.first; va != range.end; va += vmemmap_.geometry().page_size()) {
    if (starts_pmd(range, va)) {
      const auto split = table_.vmemmap_split_pmd(cpu, va, SplitFlush::now, split_lock());
      if (!split) return std::unexpected(split.error());
    }
    FrameNo old = table_.pte_at(cpu, va).frame();
    if (va >= range.start) {
      remap.won.push_back(old);
      table_.set_pte(cpu, va, Pte::make(remap.target, false));
    } else {
      if (va == range.first && remap.head_copy != kNoFrame) {
        table_.set_pte(cpu, va, Pte::make(remap.head_copy, true));
        freed.push_back(std::exchange(old, remap.head_copy));
      }
      // The last of the pages that stay is what tails map, unless they have a shared frame.
      if (design_.tails != Tails::shared) remap.target = old;
    }
    remap.walked = va + vmemmap_.geometry().page_size();
  }
  return {};
}

void VmemmapRemap::undo(Cpu& cpu, Remap& remap) {
  // The old frames still hold the tails as they were: nobody could store through the read-only alias. So putting their
  // PTEs back is all; the kernel copies the same bytes once more. A copied head stays where it is (Z13).
  cpu.count(Event::window_partial_rollback);
  vmemmap_.note_undone();
  if (!safeguards_.has(Safeguard::uncount_what_counted)) note_memmap_pages(u64{0} - remap.won.size());
  if (!safeguards_.has(Safeguard::rollback_keeps_head)) {
    const FrameNo head = table_.pte_at(cpu, remap.range.first).frame();
    cpu.fill_frame(head, make_restored_page(cpu, remap.range.start));
  }
  for (u64 va = remap.range.start; !remap.won.is_empty(); va += vmemmap_.geometry().page_size()) {
    table_.set_pte(cpu, va, Pte::make(remap.won.pop_front(), true));
  }
  if (!safeguards_.has(Safeguard::rollback_flush)) return;
  table_.flush_tlb_kernel_range(cpu, remap.range.first, remap.walked);
}

std::expected<void, Errno> VmemmapRemap::remap_free(Cpu& cpu, Pfn head, Order order, Flush flush, FrameList& freed) {
  const OpScope scope(cpu, Op::vmemmap_remap_free);
  Remap remap{.range = range_of(head, order), .won = make_list()};
  remap.walked = remap.range.first;
  if (design_.tails == Tails::shared) {
    const auto tails = shared_tails_.get(cpu, vmemmap_.zone_of(head), order);
    if (!tails) return std::unexpected(tails.error());
    remap.target = *tails;
  }
  const auto copy = copy_head(cpu, head);
  if (!copy) return std::unexpected(copy.error());
  remap.head_copy = *copy;

  WalkGuard guard(cpu, table_.init_mm(), split_lock());
  if (const auto remapped = remap_pages(cpu, remap, freed); !remapped) {
    guard.downgrade();
    if (remap.is_first_mapped()) {
      undo(cpu, remap);
    } else if (remap.head_copy != kNoFrame) {
      note_memmap_pages(~u64{0});
      source_.free(cpu, remap.head_copy, Order{0});
    }
    return remapped;
  }
  guard.downgrade();
  if (flush == Flush::now && safeguards_.has(Safeguard::flush_before_free)) {
    const u64 start = remap.head_copy != kNoFrame ? remap.range.first : remap.range.start;
    table_.flush_tlb_kernel_range(cpu, start, remap.range.end);
  }
  freed.append(remap.won);
  return {};
}

// ---- restore
// -------------------------------------------------------------------------------------------------------------

const std::byte* VmemmapRemap::make_restored_page(Cpu& cpu, u64 va) {
  const std::span<std::byte> page = scratch_of(cpu);
  cpu.copy_page(page.data(), va);
  cpu.count(Event::bytes_copied, page.size());
  if (safeguards_.has(Safeguard::reset_struct_pages) && safeguards_.has(Safeguard::restore_from_tail)) {
    // Tails that are aliases of the head's page begin with copies of the head and of the tails that carry metadata; the
    // structs after them are clean tails of the same folio (reset_struct_pages).
    const u64 bytes = design_.nr_reset_struct_pages * kStructPageSize;
    std::memcpy(page.data(), page.data() + bytes, bytes);
  }
  return page.data();
}

std::expected<void, Errno> VmemmapRemap::remap_alloc(Cpu& cpu, Pfn head, Order order, Flush flush) {
  const OpScope scope(cpu, Op::vmemmap_remap_alloc);
  const Range range = range_of(head, order);
  const u64 page = vmemmap_.geometry().page_size();
  FrameList frames = make_list();
  if (auto r = alloc_frames(cpu, (range.end - range.start) / page, vmemmap_.node_of(head), frames); !r) return r;

  const ReadGuard guard(cpu, table_.init_mm().mmap_lock);
  const Pte alias = table_.pte_at(cpu, range.start);
  const bool from_tail = safeguards_.has(Safeguard::restore_from_tail);
  const std::byte* content = make_restored_page(cpu, from_tail ? range.start : range.first);
  for (u64 va = range.start; va != range.end; va += page) {
    const Pte old = table_.pte_at(cpu, va);
    if (old != alias || old.is_writable()) {
      cpu.report({.rule = Rule::range,
                  .object = va,
                  .expected = alias.v,
                  .seen = old.v,
                  .what = "a tail of an optimised folio does not map the folio's one read-only frame (PTEs)"});
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
