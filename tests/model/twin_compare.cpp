// What is read from the machine, and the comparison.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "tests/model/twin.h"

namespace hvo::test {

u64 Twin::free_pages() {
  return machine_->budget().free_pages(cpu()) + machine_->frames().next().next().node({0}).nr_cached(cpu());
}

bool Twin::is_hugepage(u64 head, Order order) {
  const auto pages = machine_->vmemmap().pages(cpu());
  const CompoundMeta meta = folio_meta(pages, {machine_->vmemmap().page_of({head})});
  return meta.is_hugetlb() && meta.order() == order;
}

std::vector<u64> Twin::find_made(Order order) {
  std::vector<u64> made;
  for (u64 head = 0; head < model_.nr_pages(); head += order.nr_pages()) {
    if (model_.is_free(head, order) && is_hugepage(head, order)) made.push_back(head);
  }
  return made;
}

std::vector<u64> Twin::find_gone(Order order) {
  std::vector<u64> gone = model_.heads([&](const ModelFolio& f) { return f.is_free() && f.order == order; });
  std::erase_if(gone, [&](u64 head) { return is_hugepage(head, order); });
  return gone;
}

void Twin::read_splits(const std::vector<u64>& made, Order order) {
  std::set<u64> now;
  PageTable& table = machine_->page_table();
  for (u64 pmd = 0; pmd < model_.nr_pmds(); ++pmd) {
    const u64 va = table.vmemmap_base() + pmd * geometry().pmd_size();
    if (Pmd{cpu().read_once(table.pmd_word(va))}.is_table()) now.insert(pmd);
  }
  std::set<u64> allowed = model_.split_pmds();
  if (model_.may_optimize(order)) {
    for (const u64 head : made) allowed.merge(model_.pmds_of(head, order));
  }
  expect(std::ranges::includes(now, model_.split_pmds()), "a split PMD became a leaf again");
  expect(std::ranges::includes(allowed, now), "a PMD was split for no new hugepage");
  model_.split_pmds() = std::move(now);
}

void Twin::compare() {
  read_splits({}, geometry().huge_order);
  cpu().run();
  compare_pools();
  compare_folios();
  compare_lookups();
  cpu().idle();
  compare_frames();
  if (wrong_ || machine_->nr_violations() == 0) return;
  const Violation& first = machine_->diagnostics(0).violations.first[0];
  expect_equal(fmt::format("violations of the machine, the first {}: {}", rule_name(first.rule), first.what), 0,
               machine_->nr_violations());
}

void Twin::compare_frames() {
  const FrameCensus census = machine_->census();
  expect_equal("frames that back struct pages", model_.nr_mapped(), census.mapped);
  expect_equal("pages mapped read-only", model_.nr_saved(), census.read_only_ptes);
  expect_equal("PTE pages", model_.split_pmds().size(), census.pte_pages);
  expect_equal("PMD pages", model_.nr_pmd_pages(), census.pmd_pages);
  expect_equal("NR_MEMMAP", model_.nr_mapped(), machine_->optimizer().nr_memmap_pages());
  expect_equal("free pages of the budget", model_.free_pages(), free_pages());
}

void Twin::compare_pools() {
  for (const auto& [order, wanted] : model_.pools()) {
    const PoolCounters seen = hugetlb().counters(cpu(), {order});
    auto same = [&](std::string_view what, u64 expected, u64 got) {
      if (expected != got) expect_equal(fmt::format("{} of order {}", what, order), expected, got);
    };
    same("nr_hugepages", wanted.nr_huge_pages, seen.nr_huge_pages);
    same("free_hugepages", wanted.free_huge_pages, seen.free_huge_pages);
    same("surplus_hugepages", wanted.surplus_huge_pages, seen.surplus_huge_pages);
    same("nr_overcommit_hugepages", wanted.nr_overcommit_huge_pages, seen.nr_overcommit_huge_pages);
    same("max_huge_pages", wanted.max_huge_pages, seen.max_huge_pages);
    const auto in_pool = model_.heads([&](const ModelFolio& f) { return f.huge && f.order.v == order; });
    const auto free = model_.heads([&](const ModelFolio& f) { return f.is_free() && f.order.v == order; });
    same("nr_hugepages against the folios", in_pool.size(), seen.nr_huge_pages);
    same("free_hugepages against the folios", free.size(), seen.free_huge_pages);
  }
}

void Twin::compare_folios() {
  const auto pages = machine_->vmemmap().pages(cpu());
  for (const auto& [head, folio] : model_.folios()) {
    const Page page = machine_->vmemmap().page_of({head});
    expect(pages.refcount(page) == folio.refs, "references", folio.refs, pages.refcount(page));
    const CompoundMeta meta = folio_meta(pages, {page});
    expect(meta.order() == folio.order, "order of a folio", folio.order.v, meta.order().v);
    expect(meta.is_hugetlb() == folio.huge, "hugepage mark", folio.huge, meta.is_hugetlb());
    if (!folio.huge) continue;
    const bool optimized = machine_->optimizer().is_optimized(cpu(), {head});
    expect(optimized == folio.optimized, "HPG_vmemmap_optimized", folio.optimized, optimized);
    // The PTEs must be there that say so.
    if (optimized)
      expect(!model_.has_unsplit_pmd(head, folio.order), "an optimised folio is mapped by a leaf (pfn)", 0, head);
  }
  expect_equal("folios optimised", model_.nr_optimized(), machine_->optimizer().nr_optimized_folios());
  const u64 key = machine_->design().uses_static_key ? model_.nr_optimized() : 0;
  expect_equal("count of the static key", key, machine_->vmemmap().key().count(cpu()));
  expect_equal("static key on", key != 0, machine_->vmemmap().key().is_enabled(cpu()));
  expect_equal("free pages of the buddy", model_.nr_pages() - model_.nr_taken(), machine_->pages().nr_free(cpu()));
}

void Twin::compare_lookups() {
  if (is_tiny()) {
    for (u64 pfn = 0; pfn < model_.nr_pages(); ++pfn) compare_lookup(pfn);
    return;
  }
  // Where answers change: round the ends of folios and of the first pages of their vmemmap; and here and there.
  const u64 each = geometry().structs_per_page();
  for (const auto& [head, folio] : model_.folios()) {
    const u64 nr = folio.order.nr_pages();
    for (const u64 i : {u64{0}, u64{1}, each - 1, each, each + 1, nr / 2, nr - 1, nr}) {
      if (head + i < model_.nr_pages()) compare_lookup(head + i);
    }
  }
  constexpr u64 kNrSamples = 64;
  for (u64 i = 0; i < kNrSamples; ++i) compare_lookup(i * (model_.nr_pages() / kNrSamples) + i);
}

void Twin::compare_lookup(u64 pfn) {
  const ModelAnswer wanted = model_.answer(pfn);
  const auto pages = machine_->vmemmap().pages(cpu());
  const Page p = machine_->vmemmap().page_of({pfn});
  auto same = [&](std::string_view what, u64 expected, u64 seen) {
    if (expected != seen) expect_equal(fmt::format("{} of pfn {}", what, pfn), expected, seen);
  };
  with_encoding(machine_->design().encoding, [&]<class E>(E) {
    same("compound_head", wanted.head, machine_->vmemmap().pfn_of(compound_head<E>(pages, p)).v);
    same("page_folio", wanted.head, machine_->vmemmap().pfn_of(page_folio<E>(pages, p).head).v);
    same("PageHead", wanted.is_head, PageHead<E>(pages, p));
    same("PageTail", wanted.is_tail, PageTail<E>(pages, p));
    same("PageCompound", wanted.is_head || wanted.is_tail, PageCompound<E>(pages, p));
    same("PageHuge", wanted.is_huge, PageHuge<E>(pages, p));
  });
}

}  // namespace hvo::test
