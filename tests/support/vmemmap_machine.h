// VmemmapMachine: a PagedMachine whose struct pages are written.
#pragma once

#include "core/vmemmap/vmemmap.h"
#include "tests/support/paged_machine.h"

namespace hvo::test {

/// Tiny by default: 8 structs a vmemmap page, 4 such pages a PMD; blocks of the truth are folios of order 4.
class VmemmapMachine : public PagedMachine {
 public:
  explicit VmemmapMachine(const PagedConfig& config = {})
      : PagedMachine(config),
        vmemmap_(arena(), table(), config.nr_pmds * config.geometry.structs_per_pmd(), EncodingKind::pointer) {
    HVO_CHECK(populate(), "the test's budget covers its vmemmap");
    vmemmap_.populate(cpu());
  }
  Vmemmap& vmemmap() { return vmemmap_; }
  CpuPages pages(u32 of_cpu = 0) { return vmemmap_.pages(cpu(of_cpu)); }
  Page page(u64 pfn) const { return vmemmap_.page_of({pfn}); }
  PageImage image(u64 pfn) { return vmemmap_.read(cpu(), page(pfn)); }

  /// Writes one word of a struct page, as its owner would.
  void poke(u64 pfn, u64 field, u64 value) {
    HVO_CHECK(cpu().write_once_at<u64>(page(pfn).va + field, value), "the page is mapped read-write");
  }
  /// Maps the vmemmap page that starts with struct `to` to the frame of the one that starts with `from`, read-only.
  void alias(u64 to, u64 from) {
    HVO_CHECK(split(cpu(), page(to).va), "there is a frame for the table");
    HVO_CHECK(split(cpu(), page(from).va), "there is a frame for the table");
    const FrameNo frame = table().pte_at(cpu(), page(from).va).frame();
    table().set_pte(cpu(), page(to).va, Pte::make(frame, false));
    table().flush_tlb_kernel_range(cpu(), page(to).va, page(to).va + geometry().page_size());
  }

 private:
  Vmemmap vmemmap_;
};

}  // namespace hvo::test
