#include "core/vmemmap/truth.h"

#include "core/base/check.h"

namespace hvo {

namespace {
constexpr auto kRelaxed = std::memory_order::relaxed;
}  // namespace

Truth::Truth(Arena& arena, u64 nr_pages, Order block)
    : block_(block),
      blocks_(arena.make_span<Word<u64>>(align_up(nr_pages, block.nr_pages()) >> block.v)),
      pages_(arena.make_span<Word<u8>>(nr_pages)) {}

void Truth::begin_change(Pfn first, Order order) {
  barrier();
  for (u64 b = first.v >> block_.v; b <= (first + (order.nr_pages() - 1)).v >> block_.v; ++b) {
    ref(blocks_[b]).fetch_add(kInProgress, kRelaxed);
  }
  barrier();
}

void Truth::end_change(Pfn first, Order order, Order each) {
  barrier();
  const bool whole_blocks = order.v >= block_.v && each.v >= block_.v;
  if (!whole_blocks) {
    for (u64 i = 0; i < order.nr_pages(); ++i) ref(pages_[first.v + i]).store(each.v, kRelaxed);
  }
  barrier();
  const u64 whole = whole_blocks ? u64{each.v} + 1 : 0;
  for (u64 b = first.v >> block_.v; b <= (first + (order.nr_pages() - 1)).v >> block_.v; ++b) {
    auto word = ref(blocks_[b]);
    u64 seen = word.load(kRelaxed);
    while (!word.compare_exchange_weak(seen, ((seen & ~u64{0xff}) | whole) + kChange - kInProgress, kRelaxed)) {
    }
  }
  barrier();
}

}  // namespace hvo
