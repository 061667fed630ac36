#include "bench/frame_arms.h"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "bench/threads.h"
#include "core/base/check.h"

namespace hvo::bench {

namespace {

constexpr u8 kPageShift = 12;
constexpr u64 kTlbEntries = 64;

FrameAllocatorConfig allocator_config() {
  return {.nr_cpus = kMostAllocators, .pcp_high = 512, .pcp_batch = 63, .poison = false};
}

}  // namespace

std::string frames_name(std::string_view who, FrameCalls calls, u32 nr_threads) {
  return std::string(calls == FrameCalls::bulk ? "frames_bulk/" : "frames_single/") + std::string(who) + "/" +
         std::to_string(nr_threads) + "-thread";
}

std::expected<std::unique_ptr<FramePool>, std::string> FramePool::make(u64 nr_frames) {
  auto arena = Arena::create((u64{4} << 20) + nr_frames * 16);
  if (!arena) return std::unexpected(arena.error());
  auto memory = PhysicalMemory::create(*arena, nr_frames, kPageShift);
  if (!memory) return std::unexpected(memory.error());
  return std::unique_ptr<FramePool>(new FramePool(std::move(*arena), std::move(*memory), nr_frames));
}

FramePool::FramePool(Arena arena, PhysicalMemory memory, u64 nr_frames)
    : arena_(std::move(arena)),
      memory_(std::move(memory)),
      nr_frames_(nr_frames),
      diagnostics_(kMostAllocators),
      budget_(arena_, nr_frames),
      source_(arena_, allocator_config(), memory_.frames(), budget_) {
  make_cpus();
}

void FramePool::make_cpus() {
  cpus_.reserve(kMostAllocators);
  for (u32 i = 0; i < kMostAllocators; ++i) {
    CpuState& state = arena_.make<CpuState>();
    state.id = i;
    const std::span<TlbEntry> pages = arena_.make_span<TlbEntry>(kTlbEntries);
    const std::span<TlbEntry> blocks = arena_.make_span<TlbEntry>(kTlbEntries);
    std::ranges::fill(pages, TlbEntry{});
    std::ranges::fill(blocks, TlbEntry{});
    CpuWiring wiring;
    wiring.state = &state;
    wiring.mailbox = arena_.make_span<Slot>(kMostAllocators);
    wiring.tlb = {pages, blocks, kPageShift, kPageShift + 9};
    wiring.frames = &memory_.frames();
    wiring.arena = arena_.bytes().data();
    wiring.diagnostics = &diagnostics_[i];
    cpus_.emplace_back(wiring);
  }
}

bool FramePool::take_and_give(Cpu& cpu, std::span<FrameNo> room) {
  for (FrameNo& frame : room) {
    const auto got = source_.alloc(cpu, Order{0});
    if (!got) return false;
    frame = *got;
  }
  for (const FrameNo frame : room) source_.free(cpu, frame, Order{0});
  return true;
}

bool FramePool::take_and_give_bulk(Cpu& cpu, std::span<FrameNo> room) {
  auto each_call = [room](auto call) {
    for (u64 at = 0; at < room.size(); at += kBulkCall) {
      if (!call(room.subspan(at, std::min(kBulkCall, room.size() - at)))) return false;
    }
    return true;
  };
  if (!each_call([&](std::span<FrameNo> some) { return source_.alloc_bulk(cpu, some).has_value(); })) return false;
  return each_call([&](std::span<FrameNo> some) {
    source_.free_bulk(cpu, some);
    return true;
  });
}

double FramePool::time_half(FrameCalls calls, u32 nr_threads) {
  std::vector<FrameNo> taken(nr_pairs());
  const u64 each = taken.size() / nr_threads;
  std::array<bool, kMostAllocators> ok{true, true};
  for (u32 i = 0; i < nr_threads; ++i) cpus_[i].run();
  const double ns = run_threads(nr_threads, [&](u32 i) {
    const auto room = std::span(taken).subspan(i * each, each);
    ok[i] = calls == FrameCalls::bulk ? take_and_give_bulk(cpus_[i], room) : take_and_give(cpus_[i], room);
  });
  for (u32 i = 0; i < nr_threads; ++i) cpus_[i].idle();
  HVO_CHECK(ok[0] && ok[1], "half of all frames are there to be taken");
  return ns;
}

bool FramePool::validate() {
  cpus_[0].run();
  const bool ok = source_.next().next().validate(cpus_[0]) && source_.frames_in_use() == 0;
  cpus_[0].idle();
  return ok;
}

}  // namespace hvo::bench
