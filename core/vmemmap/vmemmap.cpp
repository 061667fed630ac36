#include "core/vmemmap/vmemmap.h"

#include <algorithm>
#include <cstring>

namespace hvo {

namespace {

constexpr u64 kMaxPageBytes = 65536;

u64 flags_of(u64 zone) { return zone << kZoneShift; }

/// No folio lies in two zones.
Pfn boundary_of(u64 nr_pages, Order largest) {
  const Pfn quarter = align_down(Pfn{nr_pages / 4}, largest);
  return quarter.v == 0 ? Pfn{nr_pages} : quarter;
}

/// A marked store whose trap ends the operation.
std::expected<void, Errno> store(Cpu& cpu, Page p, u64 field, u64 value) {
  if (!cpu.write_once_at<u64>(p.va + field, value)) return std::unexpected(Errno::efault);
  return {};
}

/// A head or single page without what its owner may leave behind: flags that nobody checks, the list it was on (but not
/// bit 0, which makes a tail), the index.
PageImage without_leftovers(PageImage p) {
  p.w[page_field::flags / 8] &= kPageFlagsCheckAtFree | ~u64{0} << kZoneShift;
  p.w[page_field::compound_head / 8] &= 1;
  p.w[page_field::compound_meta / 8] = 0;
  p.w[page_field::index / 8] = 0;
  return p;
}

}  // namespace

Vmemmap::Vmemmap(Arena& arena, PageTable& table, u64 nr_pages, EncodingKind encoding)
    : table_(table),
      base_(table.vmemmap_base()),
      page_mask_(table.geometry().page_size() - 1),
      nr_pages_(nr_pages),
      encoding_(encoding),
      nodes_(table.nodes()),
      zone_boundary_(boundary_of(nr_pages, table.geometry().largest_order())),
      key_(arena.make<StaticKey>()),
      nr_poisoned_(&arena.make<Word<u64>>()),
      truth_(arena, nr_pages, table.geometry().huge_order) {
  HVO_CHECK(is_aligned(base_, table.geometry().vmemmap_size(table.geometry().largest_order())) ||
                !table.safeguards().has(Safeguard::vmemmap_alignment),
            "the vmemmap is aligned to the struct pages of its largest compound");
}

void Vmemmap::populate(Cpu& cpu, u64 first, u64 end) {
  const OpScope scope(cpu, Op::boot);
  const Geometry& g = geometry();
  HVO_CHECK(g.page_size() <= kMaxPageBytes, "pages have at most 64 KiB");
  alignas(8) std::array<std::byte, kMaxPageBytes> page{};
  u64 filled_for = ~u64{0};
  for (u64 n = first; n < end; ++n) {
    const u64 va = table_.vmemmap_base() + n * g.page_size();
    const u64 zone = zone_of(pfn_of({va}));
    if (zone != filled_for) {
      const PageImage free = PageImage::free_page(zone);
      for (u64 i = 0; i < g.structs_per_page(); ++i) {
        std::memcpy(page.data() + i * kStructPageSize, free.w.data(), kStructPageSize);
      }
      filled_for = zone;
    }
    const Translation found = table_.walk(cpu, va);
    if (!found.writable) continue;  // a boot folio's tails
    // Without its safeguard, as if all hugepages were mapped optimised (Z30).
    const bool is_taken_for_alias = n % std::max(u64{1}, g.vmemmap_pages(g.huge_order)) != 0;
    if (is_taken_for_alias && !table_.safeguards().has(Safeguard::init_every_struct)) continue;
    cpu.fill_frame(found.is_block ? found.frame + (va % g.pmd_size()) / g.page_size() : found.frame, page.data());
  }
}

PageImage Vmemmap::read(Cpu& cpu, Page p) const {
  PageImage image;
  for (u64 i = 0; i < image.w.size(); ++i) image.w[i] = cpu.read_once_at<u64>(p.va + i * 8);
  return image;
}

std::expected<void, Errno> Vmemmap::make_tail(Cpu& cpu, Page tail, u64 word) {
  if (auto r = store(cpu, tail, page_field::mapping, kTailMapping); !r) return r;
  return store(cpu, tail, page_field::compound_head, word);
}

std::expected<void, Errno> Vmemmap::make_single(Cpu& cpu, Page p) {
  if (auto r = store(cpu, p, page_field::compound_head, 0); !r) return r;
  return store(cpu, p, page_field::mapping, 0);
}

std::expected<void, Errno> Vmemmap::make_head(Cpu& cpu, Page head, Order order) {
  // The head was a tail (demotion) or a single page: all that a lookup reads is written, the tail word last but one, so
  // that it is never a headless tail.
  if (auto r = store(cpu, head, page_field::mapping, 0); !r) return r;
  if (auto r = store(cpu, head, page_field::compound_head, 0); !r) return r;
  if (auto r = store(cpu, head, page_field::flags, flags_of(zone_of(pfn_of(head))) | PG_head); !r) return r;
  return store(cpu, head + 1, page_field::compound_meta, CompoundMeta::make(order, false).v);
}

std::expected<void, Errno> Vmemmap::make_compound(Cpu& cpu, Pfn first, Order order) {
  const Page head = page_of(first);
  if (auto r = make_head(cpu, head, order); !r) return r;
  const u64 word = tail_word(encoding_, head, order);
  for (u64 i = 1; i < order.nr_pages(); ++i) {
    if (auto r = make_tail(cpu, head + i, word); !r) return r;
  }
  return {};
}

void Vmemmap::prep_boot_folio(Cpu& cpu, Pfn head, Order order) {
  const OpScope scope(cpu, Op::boot);
  const Page page = page_of(head);
  truth_.begin_change(head, order);
  // The first page of struct pages is writable, so nothing here can trap; the other tails are there already.
  (void)make_head(cpu, page, order);
  const u64 word = tail_word(encoding_, page, order);
  for (u64 i = 1; i < geometry().structs_per_page(); ++i) (void)make_tail(cpu, page + i, word);
  truth_.end_change(head, order, order);
}

std::expected<void, Errno> Vmemmap::prep_compound_page(Cpu& cpu, Pfn head, Order order) {
  HVO_CHECK(order.v > 0 && is_aligned(head, order), "a compound is naturally aligned and has a tail");
  truth_.begin_change(head, order);
  auto r = make_compound(cpu, head, order);
  truth_.end_change(head, order, order);
  return r;
}

std::expected<void, Errno> Vmemmap::destroy_compound_page(Cpu& cpu, Pfn first, Order order) {
  const Page head = page_of(first);
  truth_.begin_change(first, order);
  auto undo = [&]() -> std::expected<void, Errno> {
    if (auto r = store(cpu, head + 1, page_field::compound_meta, 0); !r) return r;
    // A memory error in the first page stays marked.
    if (!cpu.fetch_and_at<u64>(head.va + page_field::flags, ~PG_head)) return std::unexpected(Errno::efault);
    for (u64 i = 0; i < order.nr_pages(); ++i) {
      if (auto r = make_single(cpu, head + i); !r) return r;
    }
    return {};
  };
  auto r = undo();
  truth_.end_change(first, order, Order{0});
  return r;
}

std::expected<void, Errno> Vmemmap::split_compound_page(Cpu& cpu, Pfn first, Order order, Order each) {
  HVO_CHECK(each.v > 0 && each < order, "a compound is split into smaller compounds");
  truth_.begin_change(first, order);
  auto split = [&]() -> std::expected<void, Errno> {
    for (u64 i = 0; i < order.nr_pages(); i += each.nr_pages()) {
      if (auto r = make_compound(cpu, first + i, each); !r) return r;
    }
    return {};
  };
  auto r = split();
  truth_.end_change(first, order, each);
  return r;
}

u64 Vmemmap::check_at_free(Cpu& cpu, Pfn first, Order order) {
  constexpr u64 kMostReports = 4;
  const Page head = page_of(first);
  u64 nr_bad = 0;
  auto check = [&](Page p, const PageImage& wanted, const PageImage& seen, std::string_view what) {
    for (u64 w = 0; w < seen.w.size(); ++w) {
      if (seen.w[w] == wanted.w[w]) continue;
      if (++nr_bad > kMostReports) return;
      cpu.report({.rule = Rule::bad_page, .object = p.va, .expected = wanted.w[w], .seen = seen.w[w], .what = what});
      return;
    }
  };
  PageImage wanted = PageImage::free_page(zone_of(first));
  if (order.v > 0) wanted.w[page_field::flags / 8] |= PG_head;
  check(head, wanted, without_leftovers(read(cpu, head)), "a page is not as it must be at free (first differing word)");
  PageImage tail = PageImage::tail(zone_of(first), tail_word(encoding_, head, order));
  for (u64 i = 1; i < order.nr_pages(); ++i) {
    tail.w[page_field::compound_meta / 8] = i == 1 ? CompoundMeta::make(order, false).v : 0;
    PageImage seen = read(cpu, head + i);
    seen.w[page_field::flags / 8] &= ~PG_hwpoison;  // stays with the page, and keeps it out of the buddy
    check(head + i, tail, seen, "a tail is not in its initial state at free (first differing word)");
  }
  return nr_bad;
}

}  // namespace hvo
