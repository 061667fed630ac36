#include "tests/model/model.h"

#include <algorithm>

namespace hvo::test {

Model::Model(const Geometry& geometry, const Design& design, u64 nr_pages, const ModelRules& rules)
    : geometry_(geometry), design_(design), nr_pages_(nr_pages), rules_(rules) {
  pools_[geometry.huge_order.v] = {};
  pools_[geometry.gigantic_order.v] = {};
}

u64 Model::nr_taken() const {
  u64 n = 0;
  for (const auto& [head, folio] : folios_) n += folio.order.nr_pages();
  return n;
}

Model::Folios::const_iterator Model::folio_of(u64 pfn) const {
  auto after = folios_.upper_bound(pfn);
  if (after == folios_.begin()) return folios_.end();
  const auto before = std::prev(after);
  return pfn < before->first + before->second.order.nr_pages() ? before : folios_.end();
}

bool Model::is_free(u64 first, Order order) const {
  const auto next = folios_.lower_bound(first);
  if (next != folios_.end() && next->first < first + order.nr_pages()) return false;
  return first + order.nr_pages() <= nr_pages_ && folio_of(first) == folios_.end();
}

bool Model::has_room(Order order) const {
  for (u64 first = 0; first + order.nr_pages() <= nr_pages_; first += order.nr_pages()) {
    if (is_free(first, order)) return true;
  }
  return false;
}

ModelAnswer Model::answer(u64 pfn) const {
  const auto found = folio_of(pfn);
  if (found == folios_.end() || found->second.order.v == 0) return {.head = pfn};
  const auto& [head, folio] = *found;
  ModelAnswer answer{.head = head, .is_head = pfn == head, .is_tail = pfn != head, .is_huge = folio.huge};
  const bool aliases_head = folio.optimized && pfn % geometry_.structs_per_page() == 0;
  if (!rules_.tails_of_every_page_are_tails && aliases_head) {
    answer.is_head = true;
    answer.is_tail = false;
  }
  return answer;
}

std::set<u64> Model::pmds_of(u64 first, Order order) const {
  std::set<u64> pmds;
  const u64 each = geometry_.structs_per_pmd();
  for (u64 pmd = first / each; pmd * each < first + order.nr_pages(); ++pmd) pmds.insert(pmd);
  return pmds;
}

bool Model::has_unsplit_pmd(u64 first, Order order) const {
  return !std::ranges::includes(split_pmds_, pmds_of(first, order));
}

u64 Model::frames_saved(Order order) const {
  const u64 kept = (design_.tails == Tails::second_frame ? 2 : 1) + (rules_.optimized_keeps_its_frames_only ? 0 : 1);
  const u64 all = geometry_.vmemmap_pages(order);
  return design_.optimizes() && all > kept ? all - kept : 0;
}

u64 Model::nr_saved() const {
  u64 n = 0;
  for (const auto& [head, folio] : folios_) n += frames_saved(folio);
  return n;
}

u64 Model::nr_optimized() const {
  return heads([](const ModelFolio& folio) { return folio.optimized; }).size();
}

}  // namespace hvo::test
