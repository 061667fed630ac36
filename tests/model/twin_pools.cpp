// The events of hugepages: what the model expects of them.
#include <algorithm>
#include <utility>

#include "tests/model/twin.h"

namespace hvo::test {

namespace {

u64 persistent(const PoolCounters& pool) { return pool.nr_huge_pages - pool.surplus_huge_pages; }

}  // namespace

bool Twin::restore_fails(const ModelFolio& folio, u64 free_before) {
  const u64 needed = model_.frames_saved(folio);
  return needed != 0 && (nr_injected() != 0 || free_before < needed);
}

// ---- made
// ------------------------------------------------------------------------------------------------------------

Twin::Full Twin::note_made(const std::vector<u64>& made, Order order) {
  Full full;
  read_splits(made, order);
  for (const u64 head : made) {
    ModelFolio& folio = model_.folios().at(head);
    folio.optimized = machine_->optimizer().is_optimized(cpu(), {head});
    full.nr += folio.optimized ? 0 : 1;
    full.nr_unsplit += !folio.optimized && model_.has_unsplit_pmd(head, order) ? 1 : 0;
  }
  if (!model_.may_optimize(order)) {
    expect_equal("new folios that are full, though none may be optimised", made.size(), full.nr);
  }
  return full;
}

void Twin::note_made_until_dry(const std::vector<u64>& made, Order order) {
  const Full full = note_made(made, order);
  if (!model_.may_optimize(order)) {
    expect_equal("frames were asked for, though nothing is optimised", 0, nr_injected());
    return;
  }
  // A failure hits one folio. Without memory for a PTE page the next folio has no memory for its pages either.
  const u64 ran_dry = model_.free_pages() == 0 && full.nr_unsplit != 0 ? 1 : 0;
  expect(full.nr >= nr_injected(), "a folio was optimised though its allocation failed", nr_injected(), full.nr);
  expect(full.nr <= nr_injected() + ran_dry, "a folio was not optimised, and nothing had failed",
         nr_injected() + ran_dry, full.nr);
}

std::optional<u64> Twin::note_fresh(std::expected<Pfn, Errno> seen, Order order, bool allowed) {
  const bool can = allowed && model_.can_alloc(order);
  expect_equal("a new hugepage could be made", can, seen.has_value());
  expect(seen || seen.error() == Errno::enomem, "no hugepage is ENOMEM");
  if (!seen || wrong_) return std::nullopt;
  expect(is_aligned(*seen, order) && model_.is_free(seen->v, order), "pages were handed out twice, from (pfn)", 0,
         seen->v);
  if (wrong_) return std::nullopt;
  model_.folios()[seen->v] = {.order = order, .refs = 1, .huge = true};
  ++model_.pool(order).nr_huge_pages;
  note_made_until_dry({seen->v}, order);
  return seen->v;
}

void Twin::alloc_migrate(Order order) {
  const auto seen = hugetlb().alloc_migrate_hugetlb_folio(cpu(), order);
  if (const auto head = note_fresh(seen, order, true)) model_.folios().at(*head).temporary = true;
}

void Twin::alloc_hugetlb(Order order) {
  PoolCounters& pool = model_.pool(order);
  const auto seen = hugetlb().alloc_hugetlb_folio(cpu(), order);
  if (pool.free_huge_pages == 0) {
    const bool allowed = pool.surplus_huge_pages < pool.nr_overcommit_huge_pages;
    if (note_fresh(seen, order, allowed)) ++pool.surplus_huge_pages;
    return;
  }
  expect(seen.has_value(), "the pool has a free hugepage, yet none was handed out");
  if (!seen) return;
  const auto found = model_.folios().find(seen->v);
  const bool was_free = found != model_.folios().end() && found->second.is_free() && found->second.order == order;
  expect(was_free, "what was handed out is not a free hugepage of this pool (pfn)", 0, seen->v);
  if (wrong_) return;
  found->second.refs = 1;
  --pool.free_huge_pages;
}

// ---- taken back
// ------------------------------------------------------------------------------------------------------

void Twin::last_put(u64 head) {
  const u64 free_before = model_.free_pages();
  ModelFolio& folio = model_.folios().at(head);
  PoolCounters& pool = model_.pool(folio.order);
  const auto put = hugetlb().folio_put(cpu(), {head});
  const bool surplus = pool.surplus_huge_pages != 0 && model_.rules().surplus_leaves_at_put;
  const bool leaves = folio.temporary || surplus;
  // A temporary folio takes no surplus along, unless all is surplus: then it was counted as such when the pool shrank.
  const bool takes_surplus = !folio.temporary || pool.surplus_huge_pages == pool.nr_huge_pages;
  const bool stays = leaves && restore_fails(folio, free_before);
  expect_equal("folio_put said that all went well", !stays, put.has_value());
  // A restore ends at its first failure.
  expect(nr_injected() <= (leaves && folio.optimized ? 1 : 0), "folio_put went on after an allocation had failed", 0,
         nr_injected());
  if (stays && !takes_surplus && model_.rules().failed_restore_is_surplus) ++pool.surplus_huge_pages;
  if (!leaves || stays) {
    ++pool.free_huge_pages;
    folio.refs = 0;
    folio.temporary = false;
    return;
  }
  if (takes_surplus) --pool.surplus_huge_pages;
  --pool.nr_huge_pages;
  model_.folios().erase(head);
}

void Twin::dissolve(u32 which) {
  const std::vector<u64> heads = model_.heads([](const ModelFolio&) { return true; });
  if (heads.empty()) return;
  const u64 head = heads[which % heads.size()];
  const ModelFolio folio = model_.folios().at(head);
  const u64 free_before = model_.free_pages();
  const auto done = hugetlb().dissolve_free_hugetlb_folio(cpu(), {head});
  if (!folio.is_free()) {
    expect_equal("a folio in use was refused", folio.huge, !done && done.error() == Errno::ebusy);
    return;
  }
  const bool stays = restore_fails(folio, free_before);
  expect_equal("a free hugepage was dissolved", !stays, done.has_value());
  if (stays) return;
  PoolCounters& pool = model_.pool(folio.order);
  pool.surplus_huge_pages != 0 ? --pool.surplus_huge_pages : --pool.max_huge_pages;
  --pool.nr_huge_pages;
  --pool.free_huge_pages;
  model_.folios().erase(head);
}

// ---- pools resized
// ---------------------------------------------------------------------------------------------------

void Twin::set_max(Order order, u64 count) {
  const u64 free_before = model_.free_pages();
  PoolCounters& pool = model_.pool(order);
  const u64 wanted = count - std::min(count, persistent(pool));
  pool.surplus_huge_pages -= std::min(wanted, pool.surplus_huge_pages);
  const u64 missing = count - std::min(count, persistent(pool));
  const u64 reached = hugetlb().set_max_huge_pages(cpu(), order, count);
  missing != 0 ? after_growth(order, missing) : after_shrink(order, count, free_before);
  pool.max_huge_pages = persistent(pool);
  expect_equal("the size that the pool reached", pool.max_huge_pages, reached);
}

void Twin::after_growth(Order order, u64 missing) {
  const std::vector<u64> made = find_made(order);
  expect(made.size() <= missing, "the pool grew too far", missing, made.size());
  for (const u64 head : made) model_.folios()[head] = {.order = order, .huge = true};
  model_.pool(order).nr_huge_pages += made.size();
  model_.pool(order).free_huge_pages += made.size();
  note_made_until_dry(made, order);
  // The allocation that ended it changed nothing, so it must fail now as well.
  if (made.size() < missing) expect(!model_.can_alloc(order), "the pool stopped growing, and there is memory");
}

void Twin::after_shrink(Order order, u64 count, u64 free_before) {
  PoolCounters& pool = model_.pool(order);
  const u64 excess = persistent(pool) - std::min(count, persistent(pool));
  // Most kernels keep as many persistent ones as are in use, surplus or not.
  const u64 in_use = pool.nr_huge_pages - pool.free_huge_pages;
  const u64 kept = machine_->design().shrinks_by_persistent ? count : std::max(count, in_use);
  const u64 leaving = std::min(persistent(pool) - std::min(kept, persistent(pool)), pool.free_huge_pages);
  const u64 nr_optimized =
      model_.heads([&](const ModelFolio& f) { return f.is_free() && f.order == order && f.optimized; }).size();
  const bool has_memory = nr_optimized == 0 || free_before >= model_.frames_saved(order);
  u64 least = leaving - std::min(leaving, nr_injected());
  u64 most = leaving;
  // A folio that needs no frames may go first, and give its pages to the others.
  if (!has_memory) least = 0;
  if (!has_memory && nr_optimized == pool.free_huge_pages) most = 0;
  const std::vector<u64> gone = find_gone(order);
  expect(gone.size() >= least, "hugepages stayed in a pool that shrank, and nothing had failed", least, gone.size());
  expect(gone.size() <= most, "hugepages left the pool that should not have", most, gone.size());
  for (const u64 head : gone) model_.folios().erase(head);
  const u64 left = excess != 0 ? count : persistent(pool);
  pool.nr_huge_pages -= gone.size();
  pool.free_huge_pages -= gone.size();
  // What could not go is surplus, in use or free.
  pool.surplus_huge_pages = pool.nr_huge_pages - left;
}

// ---- demoted
// ---------------------------------------------------------------------------------------------------------

std::vector<u64> Twin::replace_by_pieces(u64 head, u64& nr_stuck) {
  const Order each = geometry().huge_order;
  const Order order = geometry().gigantic_order;
  std::vector<u64> pieces;
  model_.folios().erase(head);
  PoolCounters& from = model_.pool(order);
  PoolCounters& to = model_.pool(each);
  from.surplus_huge_pages != 0 ? --from.surplus_huge_pages : --from.max_huge_pages;
  --from.nr_huge_pages;
  --from.free_huge_pages;
  to.max_huge_pages += order.nr_pages() / each.nr_pages();
  for (u64 piece = head; piece < head + order.nr_pages(); piece += each.nr_pages()) {
    // One by one, a piece is freed to its pool: while that has surplus, it goes, unless it can't be restored.
    const bool goes = !machine_->design().batches_flushes && to.surplus_huge_pages != 0;
    if (!is_hugepage(piece, each)) {
      expect(goes, "a piece of a demoted folio is no hugepage (pfn)", 0, piece);
      if (goes) --to.surplus_huge_pages;
      continue;
    }
    nr_stuck += goes ? 1 : 0;
    model_.folios()[piece] = {.order = each, .huge = true};
    pieces.push_back(piece);
  }
  to.nr_huge_pages += pieces.size();
  to.free_huge_pages += pieces.size();
  return pieces;
}

std::pair<u64, u64> Twin::why_demotion_ended(const std::expected<u64, Errno>& done) {
  const Order order = geometry().gigantic_order;
  if (model_.pool(order).free_huge_pages == 0) {
    expect(done || done.error() == Errno::ebusy, "no free hugepage to demote is EBUSY");
    return {0, 0};
  }
  // What is free could not be restored: now is the moment that it failed at, nothing has happened since.
  expect(done || done.error() == Errno::enomem, "a hugepage that can't be restored is ENOMEM");
  const auto optimized =
      model_.heads([&](const ModelFolio& f) { return f.is_free() && f.order == order && f.optimized; });
  expect(!optimized.empty(), "a demotion failed, and nothing was to be restored");
  if (model_.free_pages() < model_.frames_saved(order)) return {0, 1};
  expect(nr_injected() != 0, "a demotion failed, and there is memory");
  return {1, 1};
}

void Twin::demote(Order order, u64 nr) {
  u64 free_least = model_.free_pages();
  const auto done = hugetlb().demote_pool_huge_pages(cpu(), order, nr);
  if (order == geometry().huge_order || nr == 0) {
    expect(!done && done.error() == Errno::einval, "a demotion of nothing, or to nothing, is EINVAL");
    return;
  }
  std::vector<u64> gone = find_gone(order);
  // Whose pieces met surplus came first.
  std::ranges::partition(gone, [&](u64 head) {
    const u64 each = geometry().huge_order.nr_pages();
    bool whole = true;
    for (u64 i = 0; i < order.nr_pages(); i += each) whole = is_hugepage(head + i, geometry().huge_order) && whole;
    return !whole;
  });
  expect_equal("hugepages demoted", gone.size(), done.value_or(0));
  expect(gone.size() <= nr, "more was demoted than asked for", nr, gone.size());
  std::vector<u64> pieces;
  u64 nr_stuck = 0;
  for (const u64 head : gone) {
    // Pieces cost nothing in the end: each wins at least the PTE page that it may need.
    free_least -= std::min(free_least, model_.frames_saved(model_.folios().at(head)));
    std::ranges::copy(replace_by_pieces(head, nr_stuck), std::back_inserter(pieces));
  }
  // Those that went may have been optimised before, or not for lack of memory.
  std::vector<u64> all;
  for (const u64 head : gone) {
    for (u64 i = 0; i < order.nr_pages(); i += geometry().huge_order.nr_pages()) all.push_back(head + i);
  }
  read_splits(all, geometry().huge_order);
  const u64 nr_went = all.size() - pieces.size();
  const Full full = note_made(pieces, geometry().huge_order);
  expect(nr_stuck == 0 || nr_injected() != 0 || free_least == 0,
         "a piece stayed in a pool with surplus, and had memory", 0, nr_stuck);
  const auto [least, most] = gone.size() < nr ? why_demotion_ended(done) : std::pair<u64, u64>{0, 0};
  if (!model_.may_optimize(geometry().huge_order)) {
    expect(nr_injected() >= least && nr_injected() <= most, "frames were asked for, though nothing is optimised", most,
           nr_injected());
    return;
  }
  const u64 ran_dry = free_least == 0 ? full.nr_unsplit : 0;
  expect(full.nr + most + nr_stuck + nr_went >= nr_injected(), "a piece was optimised though its allocation failed",
         nr_injected(), full.nr);
  expect(full.nr <= nr_injected() - least + ran_dry, "a piece was not optimised, and nothing had failed",
         nr_injected() - least + ran_dry, full.nr);
}

}  // namespace hvo::test
