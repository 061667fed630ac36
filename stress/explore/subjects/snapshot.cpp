#include "stress/explore/subjects/snapshot.h"

#include <algorithm>

#include "core/base/hash.h"

namespace hvo::stress {

namespace {

/// Adds what differs from `before` to the hash, the bytes at `first` and where they are: most bytes never differ, so
/// large blocks are compared first.
u64 hash_difference(std::span<const std::byte> now, const std::byte* before, u64 first, u64 h) {
  constexpr std::size_t kSmallest = 64;
  const std::size_t block = now.size() > kSmallest * 8 ? kSmallest * 8 : kSmallest;
  for (std::size_t at = 0; at < now.size(); at += block) {
    const auto part = now.subspan(at, std::min(block, now.size() - at));
    if (std::memcmp(part.data(), before + at, part.size()) == 0) continue;
    h = part.size() <= kSmallest ? hash_bytes(part, h ^ mix64(first + at))
                                 : hash_difference(part, before + at, first + at, h);
  }
  return h;
}

u8* next_dirty(u8* from, u8* end) {
  void* const found = std::memchr(from, 1, static_cast<std::size_t>(end - from));
  return found != nullptr ? static_cast<u8*>(found) : end;
}

}  // namespace

Snapshot::Snapshot(Machine& machine) : machine_(machine) {
  const auto arena = arena_of_machine();
  arena_.assign(arena.begin(), arena.end());
  const auto memory = machine.memory().bytes();
  memory_.assign(memory.begin(), memory.end());
  dirty_.assign(machine.memory().nr_frames(), 0);
}

std::span<std::byte> Snapshot::arena_of_machine() const {
  const auto bytes = machine_.arena().bytes();
  return {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

std::span<std::byte> Snapshot::frame_of_machine(std::size_t frame) const {
  const FrameTable& frames = machine_.frame_table();
  const std::size_t size = std::size_t{1} << frames.page_shift;
  return {frames.memory + frame * size, size};
}

void Snapshot::restore_frames() {
  u8* const end = dirty_.data() + dirty_.size();
  // Few of many: a search for the next one is faster than a look at each.
  for (u8* at = dirty_.data(); (at = next_dirty(at, end)) != end; ++at) {
    const auto i = static_cast<std::size_t>(at - dirty_.data());
    const auto frame = frame_of_machine(i);
    std::memcpy(frame.data(), memory_.data() + i * frame.size(), frame.size());
    *at = 0;
  }
}

void Snapshot::restore() {
  std::memcpy(arena_of_machine().data(), arena_.data(), arena_.size());
  restore_frames();
  for (u32 i = 0; i < machine_.nr_cpus(); ++i) machine_.diagnostics(i).clear();
}

void Snapshot::keep(Kept& kept) const {
  const auto arena = arena_of_machine();
  kept.arena.assign(arena.begin(), arena.end());
  kept.frames.clear();
  kept.bytes.clear();
  for (u32 i = 0; i < dirty_.size(); ++i) {
    if (dirty_[i] == 0) continue;
    const auto frame = frame_of_machine(i);
    kept.frames.push_back(i);
    kept.bytes.insert(kept.bytes.end(), frame.begin(), frame.end());
  }
  kept.nr_undone = machine_.vmemmap().nr_undone();
  kept.cpus.resize(machine_.nr_cpus());
  for (u32 i = 0; i < machine_.nr_cpus(); ++i) {
    const Diagnostics& d = machine_.diagnostics(i);
    Kept::OfCpu& cpu = kept.cpus[i];
    cpu.counts = d.counts;
    cpu.violations.reset();
    if (d.violations.nr_kept != 0) cpu.violations = d.violations;
    cpu.op = d.activity.op.load(std::memory_order::relaxed);
  }
}

void Snapshot::go_back(const Kept& kept) {
  std::memcpy(arena_of_machine().data(), kept.arena.data(), kept.arena.size());
  restore_frames();
  const std::byte* from = kept.bytes.data();
  for (const u32 i : kept.frames) {
    const auto frame = frame_of_machine(i);
    std::memcpy(frame.data(), from, frame.size());
    from += frame.size();
    dirty_[i] = 1;
  }
  machine_.vmemmap().set_nr_undone(kept.nr_undone);
  for (u32 i = 0; i < machine_.nr_cpus(); ++i) {
    Diagnostics& d = machine_.diagnostics(i);
    const Kept::OfCpu& cpu = kept.cpus[i];
    d.clear();
    d.counts = cpu.counts;
    if (cpu.violations) d.violations = *cpu.violations;
    d.activity.op.store(cpu.op, std::memory_order::relaxed);
  }
}

void Snapshot::all_is_dirty() { std::ranges::fill(dirty_, u8{1}); }

void Snapshot::copy_arena_without_epochs() const {
  const auto arena = arena_of_machine();
  scratch_.assign(arena.begin(), arena.end());
  const auto as_before = [&](const void* first, std::size_t bytes) {
    const u64 at = machine_.arena().offset_of(first);
    std::memcpy(scratch_.data() + at, arena_.data() + at, bytes);
  };
  const FrameTable& frames = machine_.frame_table();
  as_before(frames.clock, sizeof(*frames.clock));
  for (const FrameNote& note : frames.notes) as_before(&note.epoch, sizeof(note.epoch));
  for (const Cpu* cpu : machine_.cpus()) {
    const Tlb& tlb = cpu->wiring().tlb;
    for (const std::span<TlbEntry> entries : {tlb.pages, tlb.blocks}) {
      for (const TlbEntry& e : entries) {
        TlbEntry copy = e;
        copy.frame_and_epoch = TlbEntry::of(e.frame(), 0);
        std::memcpy(scratch_.data() + machine_.arena().offset_of(&e), &copy, sizeof(copy));
      }
    }
  }
}

u64 Snapshot::hash() const {
  copy_arena_without_epochs();
  u64 h = hash_difference(scratch_, arena_.data(), 0, 1);
  for (std::size_t i = 0; i < dirty_.size(); ++i) {
    if (dirty_[i] == 0) continue;
    const auto frame = frame_of_machine(i);
    h = hash_difference(frame, memory_.data() + i * frame.size(), arena_.size() + i * frame.size(), h);
  }
  return mix64(h);
}

}  // namespace hvo::stress
