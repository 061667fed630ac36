// dump: the vmemmap's page tables as ptdump shows kernel mappings: one row per run of like entries.
#pragma once

#include <vector>

#include "core/pgtable/page_table.h"

namespace hvo {

/// One run of neighbouring entries that map alike.
struct DumpRow {
  enum class Shape : u8 {
    contiguous,  ///< each entry maps the next frame
    same,        ///< each entry maps the same frame
  };
  u64 start = 0;  ///< virtual addresses, [start, end)
  u64 end = 0;
  bool is_block = false;  ///< PMD leaves
  bool writable = false;
  FrameNo frame;  ///< of the first entry
  Shape shape = Shape::contiguous;
  u64 nr_entries = 0;
};

/// Walks [start, end), page-aligned, and writes its runs into `rows` (cleared first) in order; every address is in
/// exactly one row. A leaf that the range cuts counts as one entry, from the first frame inside the range.
/// Safe while splits run: each PMD is read once, and what was read is what is descended into (a walker that reads it
/// again may report a range twice: d8d55f5616cf made ptdump stop at a leaf, ACTION_CONTINUE). Takes mmap_lock for
/// reading. PTEs may change meanwhile; each is read once.
void ptdump(Cpu& cpu, PageTable& table, u64 start, u64 end, std::vector<DumpRow>& rows);

}  // namespace hvo
