#include "core/frame/frame_allocator.h"

#include <algorithm>
#include <new>

#include "core/base/check.h"

namespace hvo {

namespace {
constexpr auto kRelaxed = std::memory_order::relaxed;
constexpr u8 kVisited = 0xfe;  ///< order byte of a listed frame while validate counts
}  // namespace

FrameAllocator::FrameAllocator(Arena& arena, const FrameAllocatorConfig& config, const FrameTable& frames,
                               const Budget& budget, FrameNo first, u64 nr)
    : config_(config),
      frames_(frames),
      first_(first),
      nr_frames_(nr),
      budget_(budget),
      zone_lock_(arena.make<SpinLock>(LockRank(LockClass::zone, 0))),
      buddy_(arena, nr, first),
      lists_(arena.make_span<PerCpuList>(config.nr_cpus)),
      entries_(arena.make_span<FrameNo>(u64{config.nr_cpus} * config.pcp_high)) {
  HVO_CHECK(config.pcp_high == 0 || (config.pcp_batch >= 1 && config.pcp_batch <= config.pcp_high),
            "a batch of per-CPU frames must fit the list");
  for (PerCpuList& list : lists_) new (&list) PerCpuList;
  const bool freed = buddy_.free_range(first_, end());
  HVO_CHECK(freed, "a new buddy has nothing free");
  if (!config.poison) return;
  poison_ = arena.make_span<std::byte>(u64{1} << frames.page_shift);
  std::fill(poison_.begin(), poison_.end(), kPoisonByte);
}

// ---- allocation
// ------------------------------------------------------------------------------------------------------

bool FrameAllocator::take_single(Cpu& cpu, std::span<FrameNo> out) {
  if (!budget_.charge(cpu, out.size())) return false;
  bool taken = false;
  {
    SpinGuard guard(cpu, zone_lock_);
    taken = buddy_.take_batch(out);
  }
  if (!taken) budget_.uncharge(cpu, out.size());
  return taken;
}

bool FrameAllocator::take_cached(Cpu& cpu, std::span<FrameNo> out) {
  PerCpuList& list = lists_[cpu.id()];
  const std::span<FrameNo> stack = entries(cpu.id());
  SpinGuard guard(cpu, list.lock);
  if (list.count < out.size()) {
    const std::size_t missing = out.size() - list.count;
    // Near the end of memory a whole batch may not be there though what is asked for is.
    const bool one_batch = missing <= config_.pcp_batch && list.count + config_.pcp_batch <= config_.pcp_high;
    if (one_batch && take_single(cpu, stack.subspan(list.count, config_.pcp_batch))) {
      for (const FrameNo f : stack.subspan(list.count, config_.pcp_batch)) frames_.set_use(f, {FrameState::cached});
      list.count += config_.pcp_batch;
    } else {
      if (!take_single(cpu, out.last(missing))) return false;
      out = out.first(list.count);
    }
  }
  list.count -= static_cast<u32>(out.size());
  std::copy_n(stack.begin() + list.count, out.size(), out.begin());
  return true;
}

// The clock is moved here and not where frames are freed, for here it seldom has to move: those freed since it last did
// share an epoch. Rejected: a tick for each free, an RMW of one word by all CPUs.
inline void FrameAllocator::catch_up_with(FrameNo frame) const {
  const u32 epoch = frames_.epoch_of(frame);
  if (ref(*frames_.clock).load(kRelaxed) < epoch) [[unlikely]]
    move_clock(epoch);
}

HVO_OFF_THE_FAST_PATH void FrameAllocator::move_clock(u32 epoch) const noexcept {
  u32 now = ref(*frames_.clock).load(kRelaxed);
  while (now < epoch && !ref(*frames_.clock).compare_exchange_weak(now, epoch, kRelaxed)) {
  }
}

inline void FrameAllocator::mark_allocated(FrameNo frame) const {
  frames_.set_use(frame, {FrameState::allocated});
  catch_up_with(frame);
}

// These two are noexcept: nothing throws here, and a way to unwind would keep the guard in memory.
[[gnu::always_inline]] inline bool FrameAllocator::pop_cached(Cpu& cpu, FrameNo& out) noexcept {
  if (config_.pcp_high == 0) return false;
  PerCpuList& list = lists_[cpu.id()];
  FrameNo* const stack = entries(cpu.id()).data();  // worked out before the lock, which orders all that follows it
  SpinLeafGuard guard(cpu, list.lock);
  const u32 count = list.count;
  if (count == 0) return false;
  list.count = count - 1;
  out = stack[count - 1];
  return true;
}

[[gnu::always_inline]] inline bool FrameAllocator::push_cached(Cpu& cpu, FrameNo frame) noexcept {
  if (config_.pcp_high == 0) return false;
  PerCpuList& list = lists_[cpu.id()];
  FrameNo* const stack = entries(cpu.id()).data();
  const u32 high = config_.pcp_high;
  SpinLeafGuard guard(cpu, list.lock);
  const u32 count = list.count;
  if (count == high) return false;
  stack[count] = frame;
  list.count = count + 1;
  return true;
}

bool FrameAllocator::try_alloc_bulk(Cpu& cpu, std::span<FrameNo> out) {
  if (!(config_.pcp_high == 0 ? take_single(cpu, out) : take_cached(cpu, out))) return false;
  for (const FrameNo f : out) mark_allocated(f);
  cpu.count(Event::frame_alloc, out.size());
  return true;
}

bool FrameAllocator::try_alloc_block(Cpu& cpu, Order order, FrameNo& out) {
  const u64 n = order.nr_pages();
  if (!budget_.charge(cpu, n)) return false;
  std::optional<FrameNo> first;
  {
    SpinGuard guard(cpu, zone_lock_);
    first = buddy_.alloc(order);
  }
  if (!first) {
    budget_.uncharge(cpu, n);
    return false;
  }
  out = *first;
  for (u64 i = 0; i < n; ++i) {
    frames_.set_use(out + i, {FrameState::allocated, i == 0 ? order.v : kInsideBlock});
    catch_up_with(out + i);
  }
  cpu.count(Event::frame_alloc, n);
  return true;
}

std::expected<void, Errno> FrameAllocator::alloc_bulk(Cpu& cpu, std::span<FrameNo> out) {
  if (out.empty() || try_alloc_bulk(cpu, out)) return {};
  drain_all(cpu);
  if (try_alloc_bulk(cpu, out)) return {};
  return std::unexpected(Errno::enomem);
}

std::expected<FrameNo, Errno> FrameAllocator::alloc(Cpu& cpu, Order order) {
  FrameNo frame = kNoFrame;
  const bool popped = order.v == 0 && pop_cached(cpu, frame);
  if (!popped) [[unlikely]]
    return alloc_off_list(cpu, order);
  mark_allocated(frame);
  cpu.count(Event::frame_alloc);
  return frame;
}

std::expected<FrameNo, Errno> FrameAllocator::alloc_off_list(Cpu& cpu, Order order) {
  FrameNo frame = kNoFrame;
  if (order.v == 0) {
    const auto done = alloc_bulk(cpu, {&frame, 1});
    if (!done) return std::unexpected(done.error());
    return frame;
  }
  if (order.v > kMaxOrder) return std::unexpected(Errno::enomem);
  if (try_alloc_block(cpu, order, frame)) return frame;
  drain_all(cpu);
  if (try_alloc_block(cpu, order, frame)) return frame;
  return std::unexpected(Errno::enomem);
}

// ---- free
// ------------------------------------------------------------------------------------------------------------

bool FrameAllocator::complain(Cpu& cpu, u64 object, u64 expected, u64 seen, std::string_view what) const {
  cpu.report({.rule = Rule::conservation, .object = object, .expected = expected, .seen = seen, .what = what});
  return false;
}

inline bool FrameAllocator::exists(FrameNo frame, Order order) const {
  if (order.v == 0) return frame - first_ < nr_frames_;
  const u64 n = order.nr_pages();
  return order.v <= kMaxOrder && n <= nr_frames_ && frame - first_ <= nr_frames_ - n;
}

inline bool FrameAllocator::may_free(Cpu& cpu, FrameNo frame, Order order) const {
  if (exists(frame, order)) [[likely]] {
    const FrameUse use = frames_.use_of(frame);
    if (use.order == order.v && use.may_be_freed()) [[likely]]
      return true;
  }
  return refuse_to_free(cpu, frame, order);
}

bool FrameAllocator::refuse_to_free(Cpu& cpu, FrameNo frame, Order order) const {
  if (!exists(frame, order)) return complain(cpu, frame.v, end().v, frame.v, "frame freed that does not exist");
  const FrameUse use = frames_.use_of(frame);
  const FrameState state = use.state;
  if (state == FrameState::free || state == FrameState::cached) {
    return complain(cpu, frame.v, static_cast<u64>(FrameState::allocated), static_cast<u64>(state),
                    "frame freed twice");
  }
  if (state == FrameState::vmemmap_self_hosted) {
    return complain(cpu, frame.v, static_cast<u64>(FrameState::vmemmap), static_cast<u64>(state),
                    "frame of hot-added memory freed: its memory could never be removed again");
  }
  return complain(cpu, frame.v, use.order, order.v,
                  "frame freed with an order it was not allocated with (split_page missing)");
}

inline void FrameAllocator::retire(Cpu& cpu, FrameNo frame, FrameUse use, u32 epoch) const {
  frames_.set_use(frame, use);
  frames_.set_epoch(frame, epoch);
  if (!poison_.empty()) [[unlikely]]
    poison(cpu, frame);
}

HVO_OFF_THE_FAST_PATH void FrameAllocator::poison(Cpu& cpu, FrameNo frame) const noexcept {
  cpu.fill_frame(frame, poison_.data());
}

void FrameAllocator::give_single(Cpu& cpu, std::span<const FrameNo> frames) {
  for (const FrameNo f : frames) frames_.set_use(f, {FrameState::free});
  u64 taken = 0;
  {
    SpinGuard guard(cpu, zone_lock_);
    taken = buddy_.free_batch(frames);
  }
  if (taken != frames.size()) complain(cpu, frames[0].v, frames.size(), taken, "frame freed twice (seen by the buddy)");
  budget_.uncharge(cpu, taken);
}

void FrameAllocator::give_cached(Cpu& cpu, std::span<const FrameNo> frames) {
  PerCpuList& list = lists_[cpu.id()];
  const std::span<FrameNo> stack = entries(cpu.id());
  SpinGuard guard(cpu, list.lock);
  if (list.count + frames.size() > config_.pcp_high) {
    // The oldest go, the youngest are still in the cache.
    const std::size_t over = list.count + frames.size() - config_.pcp_high;
    const u32 drained =
        static_cast<u32>(std::min<std::size_t>(list.count, std::max<std::size_t>(over, config_.pcp_batch)));
    if (drained != 0) give_single(cpu, stack.first(drained));
    std::copy(stack.begin() + drained, stack.begin() + list.count, stack.begin());
    list.count -= drained;
    const std::size_t room = config_.pcp_high - list.count;
    if (frames.size() > room) {
      give_single(cpu, frames.first(frames.size() - room));
      frames = frames.last(room);
    }
  }
  std::copy(frames.begin(), frames.end(), stack.begin() + list.count);
  list.count += static_cast<u32>(frames.size());
}

void FrameAllocator::give_retired(Cpu& cpu, std::span<const FrameNo> frames) {
  if (config_.pcp_high == 0) return give_single(cpu, frames);
  give_cached(cpu, frames);
}

void FrameAllocator::free_bulk(Cpu& cpu, std::span<const FrameNo> frames) {
  if (frames.empty()) return;
  const u32 epoch = next_epoch();
  while (!frames.empty()) {
    // Retired one by one, so that a frame named twice in one call is met as cached.
    std::size_t n = 0;
    while (n < frames.size() && may_free(cpu, frames[n], Order{0})) {
      retire(cpu, frames[n++], {FrameState::cached}, epoch);
    }
    if (n != 0) give_retired(cpu, frames.first(n));
    cpu.count(Event::frame_free, n);
    frames = frames.subspan(std::min(n + 1, frames.size()));  // past the one that was not good
  }
}

void FrameAllocator::free(Cpu& cpu, FrameNo frame, Order order) {
  if (order.v != 0) [[unlikely]]
    return free_block(cpu, frame, order);
  if (!may_free(cpu, frame, Order{0})) [[unlikely]]
    return;
  retire(cpu, frame, {FrameState::cached}, next_epoch());
  cpu.count(Event::frame_free);
  const bool pushed = push_cached(cpu, frame);
  if (!pushed) [[unlikely]]
    give_one(cpu, frame);
}

void FrameAllocator::give_one(Cpu& cpu, FrameNo frame) { give_retired(cpu, {&frame, 1}); }

void FrameAllocator::free_block(Cpu& cpu, FrameNo frame, Order order) {
  if (!may_free(cpu, frame, order)) return;
  const u32 epoch = next_epoch();
  for (u64 i = 0; i < order.nr_pages(); ++i) {
    retire(cpu, frame + i, {FrameState::free, frames_.use_of(frame + i).order}, epoch);
  }
  bool freed = false;
  {
    SpinGuard guard(cpu, zone_lock_);
    freed = buddy_.free(frame, order);
  }
  if (!freed) {
    complain(cpu, frame.v, order.nr_pages(), 0, "block freed twice in part (seen by the buddy)");
    return;
  }
  budget_.uncharge(cpu, order.nr_pages());
  cpu.count(Event::frame_free, order.nr_pages());
}

void FrameAllocator::split_page(Cpu& cpu, FrameNo frame, Order order) {
  if (!may_free(cpu, frame, order)) return;
  for (u64 i = 0; i < order.nr_pages(); ++i) frames_.set_order(frame + i, 0);
}

void FrameAllocator::drain_all(Cpu& cpu) {
  if (config_.pcp_high == 0) return;
  for (u32 id = 0; id < lists_.size(); ++id) {
    PerCpuList& list = lists_[id];
    SpinGuard guard(cpu, list.lock);
    if (list.count != 0) give_single(cpu, entries(id).first(list.count));
    list.count = 0;
  }
}

// ---- the truth, recounted
// --------------------------------------------------------------------------------------------

u64 FrameAllocator::nr_free(Cpu& cpu) {
  SpinGuard guard(cpu, zone_lock_);
  return buddy_.nr_free();
}

u64 FrameAllocator::nr_cached(Cpu& cpu) {
  u64 n = 0;
  for (PerCpuList& list : lists_) {
    SpinGuard guard(cpu, list.lock);
    n += list.count;
  }
  return n;
}

bool FrameAllocator::validate_buddy(Cpu& cpu, u64 nr_free_states) {
  SpinGuard guard(cpu, zone_lock_);
  bool ok = buddy_.validate() || complain(cpu, 0, 1, 0, "the frame buddy contradicts its own bitmaps");
  if (buddy_.nr_free() != nr_free_states) {
    ok = complain(cpu, 0, nr_free_states, buddy_.nr_free(), "frames in the buddy are not those in state free");
  }
  for (FrameNo f = first_; f < end(); ++f) {
    if (buddy_.is_free(f) == (frames_.state_of(f) == FrameState::free)) continue;
    ok = complain(cpu, f.v, static_cast<u64>(FrameState::free), static_cast<u64>(frames_.state_of(f)),
                  "state of a frame and its bit in the buddy differ");
  }
  return ok;
}

bool FrameAllocator::validate_list(Cpu& cpu, u32 list_of, u64& nr_listed) const {
  PerCpuList& list = lists_[list_of];
  SpinGuard guard(cpu, list.lock);
  bool ok = true;
  for (const FrameNo f : entries(list_of).first(list.count)) {
    const bool seen = frames_.use_of(f).order == kVisited;
    frames_.set_order(f, kVisited);
    if (seen || frames_.state_of(f) != FrameState::cached) {
      ok = complain(cpu, f.v, static_cast<u64>(FrameState::cached), static_cast<u64>(frames_.state_of(f)),
                    "frame on two per-CPU lists, or on one without being cached");
    }
  }
  nr_listed += list.count;
  return ok;
}

bool FrameAllocator::validate(Cpu& cpu) {
  u64 nr_free_states = 0;
  u64 nr_cached_states = 0;
  for (FrameNo f = first_; f < end(); ++f) {
    nr_free_states += frames_.state_of(f) == FrameState::free;
    nr_cached_states += frames_.state_of(f) == FrameState::cached;
  }
  bool ok = validate_buddy(cpu, nr_free_states);
  u64 nr_listed = 0;
  for (u32 id = 0; id < lists_.size(); ++id) ok = validate_list(cpu, id, nr_listed) && ok;
  for (u32 id = 0; id < lists_.size(); ++id) {
    SpinGuard guard(cpu, lists_[id].lock);
    for (const FrameNo f : entries(id).first(lists_[id].count)) frames_.set_order(f, 0);
  }
  if (nr_listed != nr_cached_states) {
    ok = complain(cpu, 0, nr_cached_states, nr_listed, "frames on per-CPU lists are not those in state cached");
  }
  const u64 charged = nr_frames() - nr_free_states;
  const u64 left = budget_.free_pages(cpu);
  if (left + charged > budget_.total_pages()) {
    ok = complain(cpu, 0, budget_.total_pages(), left + charged, "more frames in use than the budget was charged for");
  }
  return ok;
}

}  // namespace hvo
