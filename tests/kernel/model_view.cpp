#include "tests/kernel/model_view.h"

namespace hvo::kernel {

u64 kpageflags(Machine& machine, Cpu& cpu, Pfn pfn) {
  const Vmemmap& vmemmap = machine.vmemmap();
  return with_encoding(machine.design().encoding, [&]<class E>(E) {
    const auto pages = vmemmap.pages(cpu);
    const Page page = vmemmap.page_of(pfn);
    const u64 head = PageHead<E>(pages, page) ? 1 : 0;
    const u64 tail = PageTail<E>(pages, page) ? 1 : 0;
    const u64 huge = PageHuge<E>(pages, page) ? 1 : 0;
    // Of the very page, not of its folio.
    const u64 bad = (vmemmap.read(cpu, page).at(page_field::flags) & PG_hwpoison) != 0 ? 1 : 0;
    return head << kKpfHead | tail << kKpfTail | huge << kKpfHuge | bad << kKpfHwpoison;
  });
}

FolioCheck check_folio(Machine& machine, Cpu& cpu, Pfn head, Order order) {
  FolioCheck c{.block = head.v >> kBlockOrder, .order = order.v};
  const u64 direct = machine.vmemmap().page_of(head).va | 1;
  for (u64 i = 0; i < order.nr_pages(); ++i) {
    const u64 flags = kpageflags(machine, cpu, head + i);
    const u64 is_head = flags >> kKpfHead & 1;
    const u64 is_tail = flags >> kKpfTail & 1;
    const u64 is_huge = flags >> kKpfHuge & 1;
    const bool is_right = is_head == (i == 0 ? 1 : 0) && is_tail == 1 - is_head && is_huge == 1;
    c.head += is_head;
    c.tail += is_tail;
    c.huge += is_huge;
    c.wrong += is_right ? 0 : 1;
    const PageImage raw = machine.vmemmap().read(cpu, machine.vmemmap().page_of(head + i));
    const u64 word = raw.at(page_field::compound_head);
    c.raw_heads += (raw.at(page_field::flags) & PG_head) != 0 ? 1 : 0;
    c.raw_tails += word & 1;
    c.raw_direct += word == direct ? 1 : 0;
  }
  return c;
}

namespace {

struct Mapping {
  u64 frame = 0;
  bool is_writable = false;
};

Mapping mapping_of(Machine& machine, Cpu& cpu, u64 va) {
  PageTable& table = machine.page_table();
  const Geometry& g = machine.config().geometry;
  const Pmd pmd{cpu.read_once(table.pmd_word(va))};
  if (pmd.is_leaf()) return {pmd.frame().v + (va % g.pmd_size() >> g.page_shift), true};
  const Pte pte = table.pte_at(cpu, va);
  return {pte.frame().v, pte.is_writable()};
}

}  // namespace

FolioState state_of(Machine& machine, Cpu& cpu, Pfn head, Order order) {
  const u64 first_va = machine.vmemmap().page_of(head).va;
  const u64 page_size = machine.config().geometry.page_size();
  const Mapping first = mapping_of(machine, cpu, first_va);
  FolioState s{.order = order.v, .flag = machine.optimizer().is_optimized(cpu, head)};
  s.head_writable = first.is_writable;
  for (u64 i = 0; i < machine.config().geometry.vmemmap_pages(order); ++i) {
    const Mapping m = mapping_of(machine, cpu, first_va + i * page_size);
    if (i != 0 && m.frame == first.frame) ++s.aliases;
    if (!m.is_writable) ++s.read_only;
  }
  return s;
}

}  // namespace hvo::kernel
