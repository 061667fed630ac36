#include <algorithm>
#include <cstring>

#include "stress/scenarios/actors.h"
#include "stress/scenarios/slots.h"

namespace hvo::stress {

namespace {

constexpr unsigned kMostPages = 32;
constexpr unsigned kMostFrames = 16;
constexpr u8 kMostOrder = 9;

void check_and_free(Cpu& cpu, Machine& m, CpuShare& share, HeldFrame held) {
  const std::byte* bytes = m.frame_table().address(held.frame);
  bool intact = true;
  for (u64 i = 0; i < m.config().geometry.page_size(); i += sizeof(u64)) {
    u64 word = 0;
    std::memcpy(&word, bytes + i, sizeof word);
    intact = intact && word == held.pattern + i;
  }
  if (!intact) share.outcomes.add(Key::frame_damaged);
  m.frames().free(cpu, held.frame, Order{0});
}

void give_back(Cpu& cpu, Machine& m, std::vector<HeldBlock>& blocks) {
  for (const HeldBlock& block : blocks) m.pages().free_frozen_range(cpu, block.first, block.order);
  blocks.clear();
}

void put_all(Cpu& cpu, Machine& m, std::vector<Pfn>& heads) {
  for (const Pfn head : heads) (void)m.hugetlb().folio_put(cpu, head);
  heads.clear();
}

/// Empties the pools as far as memory allows; the folios left.
u64 drain(Cpu& cpu, Machine& m) {
  u64 left = 0;
  const std::span<const Hstate> pools = m.hugetlb().hstates();
  for (auto h = pools.rbegin(); h != pools.rend(); ++h) {
    // What a failed restore left behind is surplus; its own size makes it persistent, and only that can be shrunk.
    const PoolCounters now = m.hugetlb().counters(cpu, h->order);
    m.hugetlb().set_max_huge_pages(cpu, h->order, now.nr_huge_pages);
    m.hugetlb().set_max_huge_pages(cpu, h->order, 0);
    left += m.hugetlb().counters(cpu, h->order).nr_huge_pages;
  }
  return left;
}

}  // namespace

void pages(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  auto& held = shared.cpus[cpu.id()].pages;
  if (held.size() < kMostPages && rng.one_in(2)) {
    const u64 most = std::min(machine.config().geometry.huge_order.v, kMostOrder);
    const Order order{static_cast<u8>(rng.one_in(2) ? 0 : rng.below(most))};
    if (const auto head = machine.pages().alloc_pages(cpu, order)) held.push_back(*head);
  } else if (!held.empty()) {
    std::swap(held[rng.below(held.size())], held.back());
    const Pfn head = held.back();
    held.pop_back();
    (void)machine.hugetlb().folio_put(cpu, head);
  }
}

void hog(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  auto& hogged = shared.cpus[cpu.id()].hogged;
  if (!hogged.empty()) {
    give_back(cpu, machine, hogged);
    return;
  }
  // Of a machine of several nodes only one is emptied now and then: restores there fail, or others help.
  const u32 nr_nodes = machine.nr_nodes();
  const bool one_node = nr_nodes > 1 && rng.one_in(2);
  const Placement at = one_node ? Placement::only({static_cast<u32>(rng.below(nr_nodes))}) : Placement{};
  const auto nr_free = [&] { return one_node ? machine.budget(at.node).free_pages(cpu) : machine.free_pages(cpu); };
  // Large blocks first, then what is left one by one, but for a few pages. Their struct pages are left alone: to write
  // them all would take most of a round.
  const Geometry& g = machine.config().geometry;
  const u64 keep = rng.below(g.vmemmap_pages(g.huge_order) * 2);
  for (u8 order = g.huge_order.v + 1; order-- > 0;) {
    while (nr_free() >= keep + Order{order}.nr_pages()) {
      const auto first = machine.pages().alloc_frozen_pages(cpu, Order{order}, at);
      if (!first) break;
      hogged.push_back({*first, Order{order}});
    }
  }
}

void scribble(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  const OpScope scope(cpu, Op::scribble, false);
  CpuShare& share = shared.cpus[cpu.id()];
  if (share.frames.size() >= kMostFrames || (!share.frames.empty() && rng.one_in(2))) {
    std::swap(share.frames[rng.below(share.frames.size())], share.frames.back());
    check_and_free(cpu, machine, share, share.frames.back());
    share.frames.pop_back();
    return;
  }
  const auto frame = machine.frames().alloc(cpu, Order{0});
  if (!frame) return;
  if (machine.frame_table().epoch_of(*frame) != 0) cpu.count(Event::window_frame_reused);
  const HeldFrame held{*frame, rng.next()};
  share.scratch.resize(machine.config().geometry.page_size());
  for (u64 i = 0; i < share.scratch.size(); i += sizeof(u64)) {
    const u64 word = held.pattern + i;
    std::memcpy(share.scratch.data() + i, &word, sizeof word);
  }
  cpu.fill_frame(*frame, share.scratch.data());
  share.frames.push_back(held);
}

bool give_all_back(Cpu& cpu, Machine& machine, Shared& shared) {
  for (CpuShare& share : shared.cpus) {
    put_all(cpu, machine, share.pages);
    give_back(cpu, machine, share.hogged);
    for (const HeldFrame& held : share.frames) check_and_free(cpu, machine, share, held);
    share.frames.clear();
  }
  for (FolioSlot& slot : shared.slots) {
    const SlotWord word{slot.word.load(std::memory_order::acquire)};  // (2)
    if (word.holds_folio()) (void)machine.hugetlb().folio_put(cpu, word.head());
  }
  // Smaller sizes first, and again while that helps: what they give back is what a gigantic folio's restore needs.
  u64 left = drain(cpu, machine);
  for (u64 before = left + 1; left != 0 && left < before;) {
    before = left;
    left = drain(cpu, machine);
  }
  return left == 0 && machine.optimizer().nr_optimized_folios() == 0;
}

}  // namespace hvo::stress
