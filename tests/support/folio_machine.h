// FolioMachine: a whole Machine, and optimised folios made straight from pages: no pool knows of them.
#pragma once

#include <gtest/gtest.h>

#include "core/machine/machine.h"

namespace hvo::test {

/// CPU 0 runs while this lives, except inside quiet().
class FolioMachine {
 public:
  explicit FolioMachine(const MachineConfig& config) : m_(Machine::create(config).value()) { cpu().run(); }
  ~FolioMachine() { cpu().idle(); }
  FolioMachine(const FolioMachine&) = delete;
  FolioMachine& operator=(const FolioMachine&) = delete;

  static MachineConfig tiny(std::string_view design = "fake-head") {
    MachineConfig config;
    config.geometry = *find_geometry("tiny");
    config.design = find_design(design);
    config.memory_pages = 256;
    return config;
  }

  Machine& machine() { return *m_; }
  Machine* operator->() { return m_.get(); }
  Cpu& cpu() { return m_->cpu(0); }

  /// A compound, frozen, of default hugepages' size if not told otherwise; optimised where the design does that.
  Pfn make_folio(Order order) {
    const Pfn head = m_->pages().alloc_frozen_pages(cpu(), order).value();
    EXPECT_TRUE(m_->vmemmap().prep_compound_page(cpu(), head, order));
    // A design that keeps two frames has nothing to win from a folio of two vmemmap pages.
    if (m_->design().frames_kept(m_->config().geometry.vmemmap_pages(order)) <
        m_->config().geometry.vmemmap_pages(order)) {
      mark(head, order, true);
      EXPECT_TRUE(m_->optimizer().hugetlb_vmemmap_optimize_folio(cpu(), head, order));
      mark(head, order, false);
    }
    return head;
  }
  Pfn make_folio() { return make_folio(m_->config().geometry.huge_order); }
  /// As a hugepage, which is all that HVO is for; no pool counts it, so not for long.
  void mark(Pfn head, Order order, bool hugetlb) {
    const u64 va = (m_->vmemmap().page_of(head) + 1).va + page_field::compound_meta;
    EXPECT_TRUE(cpu().write_once_at<u64>(va, CompoundMeta::make(order, hugetlb).v));
  }
  void free_folio(Pfn head, Order order) {
    mark(head, order, true);
    EXPECT_TRUE(m_->optimizer().hugetlb_vmemmap_restore_folio(cpu(), head, order));
    mark(head, order, false);
    m_->pages().free_frozen_pages(cpu(), head, order);
  }

  /// Calls f, for which every CPU must be idle.
  template <class F>
  auto quiet(F f) {
    cpu().idle();
    auto r = f(*m_);
    cpu().run();
    return r;
  }
  bool validate() {
    return quiet([](Machine& m) { return m.validate(); });
  }
  FrameCensus census() {
    return quiet([](Machine& m) { return m.census(); });
  }
  /// The violations that CPU 0 has kept.
  std::vector<Violation> violations() {
    const ViolationLog& log = m_->diagnostics(0).violations;
    return {log.first.begin(), log.first.begin() + log.nr_kept};
  }

 private:
  std::unique_ptr<Machine> m_;
};

}  // namespace hvo::test
