#include "core/frame/give_back.h"

namespace hvo {

std::expected<u64, std::string> GiveBack::free_frames(Cpu& cpu) {
  if (poisons_) return 0;
  const u32 since = ref(s_->since).load(std::memory_order::relaxed);
  // The clock moves first: what is freed from here on is later than this call, whether or not this call still meets it.
  // It moves to the epoch of the frames freed last, so theirs are not later.
  auto clock = ref(*memory_.frames().clock);
  const u32 now = clock.fetch_add(1, std::memory_order::relaxed) + 1;
  u64 nr = 0;
  std::expected<void, std::string> done;
  for (NodeId node; node.v < frames_.nr_nodes(); ++node.v) {
    frames_.node(node).for_each_freed_area(cpu, since, [&](std::span<const FrameRun> runs) {
      if (done) done = memory_.discard(runs);
      for (const FrameRun& run : runs) nr += run.nr;
    });
  }
  if (!done) return std::unexpected(done.error());
  ref(s_->since).store(now, std::memory_order::relaxed);
  return nr;
}

}  // namespace hvo
