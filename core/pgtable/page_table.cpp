#include "core/pgtable/page_table.h"

#include <algorithm>
#include <array>
#include <optional>

namespace hvo {

namespace {
constexpr u64 kMaxSplitTable = 512;

u64 tables_for(u64 entries, const Geometry& g) { return align_up(entries, g.ptrs_per_table()) >> g.table_shift; }
}  // namespace

PageTable::PageTable(Arena& arena, const Geometry& geometry, const FrameTable& frames, FrameSource& source,
                     Safeguards safeguards, u64 vmemmap_base, u64 nr_struct_pages, std::span<Cpu* const> cpus,
                     u32 nr_nodes)
    : geometry_(geometry),
      frames_(frames),
      source_(source),
      safeguards_(safeguards),
      base_(vmemmap_base),
      nr_vmemmap_pages_(align_up(nr_struct_pages, geometry.memory_granule()) / geometry.structs_per_page()),
      nr_pmds_(align_up(nr_vmemmap_pages_, geometry.ptrs_per_table()) >> geometry.table_shift),
      nodes_(align_up(nr_struct_pages, geometry.memory_granule()), nr_nodes),
      cpus_(cpus),
      mm_(&arena.make<InitMm>()),
      pmd_tables_(arena.make_span<FrameNo>(tables_for(nr_pmds_, geometry))) {
  HVO_CHECK(is_aligned(base_, geometry_.pmd_size()), "the vmemmap starts at a PMD");
  HVO_CHECK(!geometry_.maps_by_blocks() || geometry_.ptrs_per_table() <= kMaxSplitTable,
            "a table that a split makes has at most 512 entries");
}

std::expected<FrameNo, Errno> PageTable::make_empty_table(Cpu& cpu, u64 va) {
  const auto table = source_.alloc(cpu, Order{0}, near(va));
  if (!table) return table;
  frames_.set_state(*table, FrameState::page_table);
  for (u64 i = 0; i < geometry_.ptrs_per_table(); ++i) cpu.plain_store(word(*table, i), u64{0});
  return table;
}

std::expected<void, Errno> PageTable::populate_block(Cpu& cpu, u64 va) {
  const auto first = source_.alloc(cpu, Order{geometry_.table_shift}, near(va));
  if (!first) return std::unexpected(first.error());
  for (u64 n = 0; n < geometry_.ptrs_per_table(); ++n) frames_.set_state(*first + n, FrameState::vmemmap);
  cpu.store_release(pmd_word(va), Pmd::leaf(*first).v);  // (8)
  return {};
}

std::expected<void, Errno> PageTable::populate_base_pages(Cpu& cpu, u64 va) {
  const auto table = make_empty_table(cpu, va);
  if (!table) return std::unexpected(table.error());
  const u64 end = std::min(va + geometry_.pmd_size(), vmemmap_end());
  for (u64 page = va; page < end; page += geometry_.page_size()) {
    const auto frame = source_.alloc(cpu, Order{0}, near(page));
    if (!frame) return std::unexpected(frame.error());
    frames_.set_state(*frame, FrameState::vmemmap);
    cpu.plain_store(pte_word(*table, page), Pte::make(*frame, true).v);
  }
  cpu.store_release(pmd_word(va), Pmd::table(*table).v);  // (8)
  return {};
}

std::expected<void, Errno> PageTable::populate_optimized(Cpu& cpu, u64 start, u64 end, FrameNo tails) {
  const OpScope scope(cpu, Op::boot);
  const auto head = source_.alloc(cpu, Order{0}, near(start));
  if (!head) return std::unexpected(head.error());
  frames_.set_state(*head, FrameState::vmemmap);
  const Pte tail = Pte::make(tails != kNoFrame ? tails : *head, false);
  const u64 nr_pages = (end - start) >> geometry_.page_shift;
  const u64 tails_end = safeguards_.has(Safeguard::boot_range_in_bytes) ? end : start + nr_pages;
  for (u64 pmd = start; pmd < end; pmd += geometry_.pmd_size()) {
    const auto table = make_empty_table(cpu, pmd);
    if (!table) return std::unexpected(table.error());
    for (u64 va = pmd; va < pmd + geometry_.pmd_size(); va += geometry_.page_size()) {
      Pte pte = va == start ? Pte::make(*head, true) : tail;
      if (va >= tails_end) {  // never, with its safeguard in place
        const auto own = source_.alloc(cpu, Order{0}, near(va));
        if (!own) return std::unexpected(own.error());
        frames_.set_state(*own, FrameState::vmemmap);
        pte = Pte::make(*own, true);
      }
      cpu.plain_store(pte_word(*table, va), pte.v);
    }
    cpu.store_release(pmd_word(pmd), Pmd::table(*table).v);  // (8)
  }
  return {};
}

std::expected<void, Errno> PageTable::populate(Cpu& cpu, std::span<const VmemmapRange> left_out) {
  const OpScope scope(cpu, Op::boot);
  for (u64 i = 0; i < pmd_tables_.size(); ++i) {
    const auto frame = make_empty_table(cpu, base_ + (i << geometry_.table_shift) * geometry_.pmd_size());
    if (!frame) return std::unexpected(frame.error());
    pmd_tables_[i] = *frame;
  }
  for (u64 i = 0; i < nr_pmds_; ++i) {
    const u64 va = base_ + i * geometry_.pmd_size();
    if (std::ranges::any_of(left_out, [va](const VmemmapRange& r) { return va >= r.start && va < r.end; })) continue;
    const auto mapped = geometry_.maps_by_blocks() ? populate_block(cpu, va) : populate_base_pages(cpu, va);
    if (!mapped) return mapped;
  }
  return {};
}

void PageTable::mark_self_hosted(Cpu& cpu, u64 va) {
  for (; va < vmemmap_end(); va += geometry_.page_size()) {
    frames_.set_state(frame_of(cpu, va), FrameState::vmemmap_self_hosted);
  }
}

FrameNo PageTable::frame_of(Cpu& cpu, u64 va) {
  const Translation t = walk(cpu, va);
  return t.is_block ? t.frame + (va % geometry_.pmd_size()) / geometry_.page_size() : t.frame;
}

bool PageTable::is_self_hosted(Cpu& cpu, u64 va) {
  return frames_.state_of(frame_of(cpu, va)) == FrameState::vmemmap_self_hosted;
}

Word<u64>& PageTable::pmd_word(u64 va) {
  const u64 i = pmd_index(va);
  return word(pmd_tables_[i >> geometry_.table_shift], i & (geometry_.ptrs_per_table() - 1));
}

Word<u64>& PageTable::pte_word(FrameNo table, u64 va) {
  return word(table, ((va - base_) >> geometry_.page_shift) & (geometry_.ptrs_per_table() - 1));
}

Translation PageTable::walk(Cpu& cpu, u64 va) {
  if (va < base_ || va >= vmemmap_end()) return {};
  const Pmd pmd{cpu.walker_load(pmd_word(va))};  // (9)
  if (pmd.is_leaf()) return {.present = true, .is_block = true, .writable = true, .frame = pmd.frame()};
  if (!pmd.is_table()) return {};
  const Pte pte{cpu.walker_load(pte_word(pmd.frame(), va))};  // (9)
  return {.present = pte.is_present(), .is_block = false, .writable = pte.is_writable(), .frame = pte.frame()};
}

std::expected<FrameNo, Errno> PageTable::make_pte_table(Cpu& cpu, FrameNo first) {
  const auto table = source_.alloc(cpu, Order{0});
  if (!table) return table;
  frames_.set_state(*table, FrameState::page_table);
  cpu.count(Event::pte_page_alloc);
  std::array<u64, kMaxSplitTable> entries{};
  for (u64 i = 0; i < geometry_.ptrs_per_table(); ++i) entries[i] = Pte::make(first + i, true).v;
  cpu.fill_frame(*table, reinterpret_cast<const std::byte*>(entries.data()));
  return table;
}

std::expected<SplitResult, Errno> PageTable::vmemmap_split_pmd(Cpu& cpu, u64 va, SplitFlush flush, SplitLock lock) {
  const OpScope scope(cpu, Op::vmemmap_split_pmd);
  const u64 start = align_down(va, geometry_.pmd_size());
  Word<u64>& pmd = pmd_word(start);
  // Test and read are one critical section: read later, the entry might already point to a page table (Z2).
  const Pmd seen = with_page_table_lock(cpu, lock, [&] { return Pmd{cpu.read_once(pmd)}; });
  if (!seen.is_leaf()) return SplitResult::was_table;

  const auto table = make_pte_table(cpu, seen.frame());
  if (!table) return std::unexpected(table.error());
  return with_page_table_lock(cpu, lock, [&] { return publish_pte_table(cpu, start, seen.frame(), *table, flush); });
}

SplitResult PageTable::publish_pte_table(Cpu& cpu, u64 start, FrameNo block, FrameNo table, SplitFlush flush) {
  Word<u64>& pmd = pmd_word(start);
  const Pmd now{cpu.read_once(pmd)};
  if (!now.is_leaf() && safeguards_.has(Safeguard::split_recheck)) {
    cpu.count(Event::window_split_race_lost);
    source_.free(cpu, table, Order{0});
    return SplitResult::lost_race;
  }
  // The block was one allocation; from now on its frames are freed one by one (Z1).
  if (safeguards_.has(Safeguard::split_page_of_block)) source_.split_page(cpu, block, Order{geometry_.table_shift});
  if (break_before_make_.is_on()) [[unlikely]]
    BreakBeforeMake::check_pmd(cpu, start, now, Pmd::table(table));
  cpu.store_release(pmd, Pmd::table(table).v);  // (8)
  cpu.count(Event::pmd_split);
  cpu.record(Mark::pmd_store, start, Pmd::table(table).v);
  // Only without split_recheck: the table that is replaced may have been changed since.
  if (observer_ != nullptr && !now.is_leaf()) tell_of_block(cpu, start, block);
  if (flush == SplitFlush::now) flush_tlb_kernel_range(cpu, start, start + geometry_.pmd_size());
  return SplitResult::split;
}

void PageTable::tell_of_block(Cpu& cpu, u64 start, FrameNo block) {
  for (u64 i = 0; i < geometry_.ptrs_per_table(); ++i) {
    observer_->remapped(cpu, start + i * geometry_.page_size(), Pte::make(block + i, true));
  }
}

Pte PageTable::pte_at(Cpu& cpu, u64 va) {
  const Pmd pmd{cpu.load_acquire(pmd_word(va))};  // (9)
  if (!pmd.is_table()) {
    cpu.report({.rule = Rule::range, .object = va, .seen = pmd.v, .what = "a PMD leaf was taken for a page table"});
    return {};
  }
  return Pte{cpu.read_once(pte_word(pmd.frame(), va))};
}

HVO_DETECTOR Pte PageTable::peek(u64 va) {
  const Pmd pmd{ref(pmd_word(va)).load(std::memory_order::relaxed)};
  if (pmd.is_leaf()) return Pte::make(pmd.frame() + (va % geometry_.pmd_size()) / geometry_.page_size(), true);
  if (!pmd.is_table()) return {};
  return Pte{ref(pte_word(pmd.frame(), va)).load(std::memory_order::relaxed)};
}

HVO_DETECTOR u64 PageTable::peek_word(u64 va) {
  const Pte pte = peek(va);
  if (!pte.is_present()) return 0;
  return ref(word(pte.frame(), (va % geometry_.page_size()) / sizeof(u64))).load(std::memory_order::relaxed);
}

void PageTable::set_pte(Cpu& cpu, u64 va, Pte pte) {
  const Pmd pmd{cpu.load_acquire(pmd_word(va))};  // (9)
  if (!pmd.is_table()) {
    cpu.report({.rule = Rule::range, .object = va, .seen = pmd.v, .what = "a PMD leaf was taken for a page table"});
    return;
  }
  Word<u64>& entry = pte_word(pmd.frame(), va);
  if (break_before_make_.is_on()) [[unlikely]]
    break_before_make_.check_pte(cpu, page_index(va), va, entry, pte);
  if (safeguards_.has(Safeguard::release_pte_publish)) {
    cpu.store_release(entry, pte.v);  // (8)
  } else {
    cpu.write_once(entry, pte.v);
  }
  cpu.count(Event::pte_store);
  cpu.record(Mark::pte_store, va, pte.v);
  if (observer_ != nullptr) observer_->remapped(cpu, va, pte);
}

void PageTable::flush_tlb_kernel_range(Cpu& cpu, u64 start, u64 end) {
  const OpScope scope(cpu, Op::flush_tlb);
  cpu.count(Event::tlb_flush);
  cpu.record(Mark::flush_post, start, end);
  if (safeguards_.has(Safeguard::tlb_flush)) broadcast(cpu, cpus_, kRequestFlush, start, end - 1);
  if (break_before_make_.is_on()) [[unlikely]]
    break_before_make_.flushed(page_index(start), page_index(end));
}

u64 PageTable::nr_pte_pages(Cpu& cpu) {
  u64 n = 0;
  for (u64 i = 0; i < nr_pmds_; ++i) {
    const Pmd pmd{cpu.read_once(pmd_word(base_ + i * geometry_.pmd_size()))};
    n += pmd.is_table() ? 1 : 0;
  }
  return n;
}

}  // namespace hvo
