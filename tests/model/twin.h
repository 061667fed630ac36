// Twin: a machine and its model, which live through the same events and are compared after each.
//
// The model can't know everything. What it reads from the machine, and what it demands of it:
//   * the pfns that the page allocator chose: aligned, and free in the model;
//   * which PMDs were split: once split always split, and only where this event made a hugepage;
//   * which new hugepages were optimised: all; but each allocation that was made to fail excuses one, and so does a
//     budget that was empty;
//   * which free hugepages left the pool, when it shrank: as many as it must, with the same excuses;
//   * which free hugepage was handed out or demoted: one that was free.
// Everything else it predicts.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/machine/machine.h"
#include "tests/model/event.h"
#include "tests/model/model.h"

namespace hvo::test {

struct TwinConfig {
  std::string_view geometry = "tiny";
  std::string_view design = "fake-head";
  u64 memory_pages = 256;
  Safeguards safeguards{};
  ModelRules rules{};
};

class Twin {
 public:
  explicit Twin(const TwinConfig& config);

  /// Lives through the events, gives everything back, and compares with the machine at boot. What was different first,
  /// in words; nothing when machine and model agreed.
  std::optional<std::string> run(const Events& events);
  /// What happened on the machine so far.
  const EventCounts& counts() const { return machine_->diagnostics(0).counts; }

 private:
  /// New hugepages that were not optimised.
  struct Full {
    u64 nr = 0;
    u64 nr_unsplit = 0;  ///< of them, those with a PMD that is still a leaf
  };

  // twin.cpp: the events
  void step(const ModelEvent& event);
  void apply(const ModelEvent& event);
  void take_pages(Order order);
  void get_page(u32 which);
  void put_page(u32 which);
  void put_head(u64 head);
  void fill_memory(u64 left);
  void give_memory_back(u64 most);
  void give_everything_back();
  void end();

  // twin_pools.cpp: those of hugepages
  void alloc_hugetlb(Order order);
  void alloc_migrate(Order order);
  void set_max(Order order, u64 count);
  void demote(Order order, u64 nr);
  void dissolve(u32 which);
  void last_put(u64 head);
  /// Hugepages are left, all free, and there is too little memory to restore any.
  bool is_stuck();
  /// A restore of this folio must have failed: an allocation was made to, or memory was short.
  bool restore_fails(const ModelFolio& folio, u64 free_before);
  void after_growth(Order order, u64 missing);
  void after_shrink(Order order, u64 count, u64 free_before);
  /// What became of a folio that was demoted; its pieces.
  std::vector<u64> replace_by_pieces(u64 head, u64& nr_stuck);
  /// Why a demotion ended early. How many allocations that were made to fail did that: at least, at most.
  std::pair<u64, u64> why_demotion_ended(const std::expected<u64, Errno>& done);
  /// The outcome of an allocation that was not served by a free hugepage: the new folio, or nothing.
  std::optional<u64> note_fresh(std::expected<Pfn, Errno> seen, Order order, bool allowed);
  /// Reads which of the new hugepages are optimised, and which PMDs were split for them.
  Full note_made(const std::vector<u64>& made, Order order);
  /// The same; one each may be full for each allocation that was made to fail, and one more when memory ran out.
  void note_made_until_dry(const std::vector<u64>& made, Order order);
  void read_splits(const std::vector<u64>& made, Order order);

  // twin_compare.cpp: what is read from the machine
  void compare();
  void compare_frames();
  void compare_pools();
  void compare_folios();
  void compare_lookups();
  void compare_lookup(u64 pfn);
  bool is_hugepage(u64 head, Order order);
  /// Heads of hugepages where the model has free pages.
  std::vector<u64> find_made(Order order);
  /// Free hugepages of the model that are no hugepages of this size any more.
  std::vector<u64> find_gone(Order order);
  u64 free_pages();
  u64 nr_injected() { return counts()[Event::alloc_failure_injected] - injected_before_; }

  /// Notes the first difference.
  void expect(bool ok, std::string_view what, u64 expected, u64 seen);
  void expect(bool ok, std::string_view what) { expect(ok, what, 1, 0); }
  void expect_equal(std::string_view what, u64 expected, u64 seen) { expect(expected == seen, what, expected, seen); }

  Order size(u32 which) const { return which % 2 == 0 ? geometry().huge_order : geometry().gigantic_order; }
  const Geometry& geometry() const { return model_.geometry(); }
  bool is_tiny() const { return model_.nr_pages() <= 4096; }
  Cpu& cpu() { return machine_->cpu(0); }
  Hugetlb& hugetlb() { return machine_->hugetlb(); }

  std::unique_ptr<Machine> machine_;
  Model model_;
  u64 injected_before_ = 0;
  std::string where_;
  std::optional<std::string> wrong_;
};

}  // namespace hvo::test
