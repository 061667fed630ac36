#include "core/pgtable/dump.h"

#include <algorithm>

namespace hvo {

namespace {

/// Appends one entry to the last row if it continues it, else as a row of its own.
void add(std::vector<DumpRow>& rows, const DumpRow& entry, u64 frames_per_entry) {
  if (!rows.empty()) {
    DumpRow& last = rows.back();
    const bool like = last.is_block == entry.is_block && last.writable == entry.writable && last.end == entry.start;
    const bool next = entry.frame == last.frame + last.nr_entries * frames_per_entry;
    const bool same = entry.frame == last.frame && !entry.is_block;
    const bool one = last.nr_entries == 1;
    if (like && ((next && (one || last.shape == DumpRow::Shape::contiguous)) ||
                 (same && (one || last.shape == DumpRow::Shape::same)))) {
      last.shape = same ? DumpRow::Shape::same : DumpRow::Shape::contiguous;
      last.end = entry.end;
      ++last.nr_entries;
      return;
    }
  }
  rows.push_back(entry);
}

}  // namespace

void ptdump(Cpu& cpu, PageTable& table, u64 start, u64 end, std::vector<DumpRow>& rows) {
  const OpScope scope(cpu, Op::ptdump);
  const Geometry& g = table.geometry();
  const ReadGuard guard(cpu, table.init_mm().mmap_lock);
  rows.clear();
  for (u64 va = start; va < end;) {
    const u64 pmd_end = align_down(va, g.pmd_size()) + g.pmd_size();
    Pmd pmd{cpu.load_acquire(table.pmd_word(va))};  // (9) of page_table.h
    if (pmd.is_leaf()) {
      const FrameNo first = pmd.frame() + (va % g.pmd_size()) / g.page_size();
      const u64 stop = std::min(pmd_end, end);
      add(rows, {.start = va, .end = stop, .is_block = true, .writable = true, .frame = first, .nr_entries = 1},
          g.ptrs_per_table());
      va = stop;
      const Pmd now{cpu.read_once(table.pmd_word(va - 1))};
      if (now != pmd) cpu.count(Event::window_split_seen_by_walker);
      // It has been dumped: what it has become since is not looked at again (ACTION_CONTINUE, Z3).
      if (now == pmd || table.safeguards().has(Safeguard::walk_continue)) continue;
      va = std::max(start, pmd_end - g.pmd_size());
      pmd = now;
    }
    for (; va < pmd_end && va < end; va += g.page_size()) {
      const Pte pte{cpu.read_once(table.pte_word(pmd.frame(), va))};
      add(rows,
          {.start = va,
           .end = va + g.page_size(),
           .writable = pte.is_writable(),
           .frame = pte.frame(),
           .nr_entries = 1},
          1);
    }
  }
  u64 at = start;
  const auto expect = [&](u64 found) {
    if (found == at) return;
    cpu.report({.rule = Rule::range,
                .object = found,
                .expected = at,
                .seen = found,
                .what = "a dump of the page tables tells an address twice, or leaves some out"});
  };
  for (const DumpRow& row : rows) {
    expect(row.start);
    at = row.end;
  }
  expect(end);
}

}  // namespace hvo
