#include "core/hvo/shared_tails.h"

#include <cstring>

namespace hvo {

SharedTails::SharedTails(Arena& arena, Vmemmap& vmemmap, const FrameTable& frames, FrameSource& source,
                         Safeguards safeguards, u64 nr_cpus)
    : vmemmap_(vmemmap),
      frames_(frames),
      source_(source),
      safeguards_(safeguards),
      slots_(arena.make_span<Word<u32>>(u64{Vmemmap::kNrZones} * kNrOrders)),
      scratch_(arena.make_span<std::byte>(nr_cpus * vmemmap.geometry().page_size())) {}

std::expected<FrameNo, Errno> SharedTails::take_frame(Cpu& cpu, u64 zone) {
  const auto frame = source_.alloc(cpu, Order{0}, Placement::first(Vmemmap::node_of_zone(zone)));
  if (frame) frames_.set_state(*frame, FrameState::vmemmap);
  return frame;
}

void SharedTails::fill(Cpu& cpu, FrameNo frame, u64 zone, Order order) {
  const u64 size = vmemmap_.geometry().page_size();
  std::byte* page = scratch_.data() + cpu.id() * size;
  const PageImage tail = PageImage::tail(zone, tail_word(vmemmap_.encoding(), Page{}, order));
  for (u64 at = 0; at < size; at += kStructPageSize) std::memcpy(page + at, tail.w.data(), kStructPageSize);
  cpu.fill_frame(frame, page);
}

std::expected<FrameNo, Errno> SharedTails::get(Cpu& cpu, u64 zone, Order order) {
  Word<u32>& s = slot(safeguards_.has(Safeguard::tail_per_zone) ? zone : 0, order);
  const u32 seen = cpu.load_acquire(s);  // (2)
  if (seen != 0) return FrameNo{seen - 1};
  const auto mine = take_frame(cpu, zone);
  if (!mine) return mine;
  const bool filled_first = safeguards_.has(Safeguard::tail_filled_first);
  if (filled_first) fill(cpu, *mine, zone, order);
  if (!safeguards_.has(Safeguard::publish_by_cmpxchg)) {
    cpu.store_release(s, mine->v + 1);  // (1), without its safeguard
    if (!filled_first) fill(cpu, *mine, zone, order);
    return *mine;
  }
  const u32 old = cpu.cmpxchg(s, u32{0}, mine->v + 1);  // (1)
  if (old == 0) {
    if (!filled_first) {
      (void)cpu.read_once(s);  // a moment later: others may map it already
      fill(cpu, *mine, zone, order);
    }
    return *mine;
  }
  cpu.count(Event::window_shared_tail_race_lost);
  source_.free(cpu, *mine, Order{0});
  // The failed exchange does not order; the frame is read through a PTE that is published after this.
  return FrameNo{cpu.load_acquire(s) - 1};  // (2)
}

FrameNo SharedTails::peek(Cpu& cpu, u64 zone, Order order) const {
  const u32 seen = cpu.load_acquire(slot(zone, order));  // (2)
  return seen == 0 ? kNoFrame : FrameNo{seen - 1};
}

u64 SharedTails::nr_frames(Cpu& cpu) const {
  u64 n = 0;
  for (Word<u32>& s : slots_) n += cpu.read_once(s) != 0 ? 1 : 0;
  return n;
}

bool SharedTails::contains(Cpu& cpu, FrameNo frame) const {
  for (Word<u32>& s : slots_) {
    if (cpu.read_once(s) == frame.v + 1) return true;
  }
  return false;
}

}  // namespace hvo
