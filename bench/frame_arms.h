// The frame allocator by itself: half of all frames are taken, then given back, one a call or many a call, by one
// thread or by two at once, through all that a machine has round it. frame_workloads.h has the bare allocator, and what
// both are held against.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "bench/arm.h"
#include "core/frame/frame_source.h"
#include "core/frame/physical_memory.h"

namespace hvo::bench {

inline constexpr u32 kMostAllocators = 2;
inline constexpr u64 kBulkCall = 64;  ///< frames of one call of alloc_bulk, of free_bulk

/// How many frames a call asks for.
enum class FrameCalls : u8 { single, bulk };
/// "frames_bulk/<who>/2-thread", "frames_single/…".
std::string frames_name(std::string_view who, FrameCalls calls, u32 nr_threads);

/// Frames, Cpus and a FrameSource (all decorators, per-CPU lists as a Machine has them), without page tables. Poisoning
/// is off: the frames' bytes are never touched.
class FramePool {
 public:
  static std::expected<std::unique_ptr<FramePool>, std::string> make(u64 nr_frames);

  /// Nanoseconds in which `nr_threads` (1 or 2), sharing the work, take half of all frames and give them back.
  double time_half(FrameCalls calls, u32 nr_threads);
  /// Frames taken, and given back, by one such call.
  u64 nr_pairs() const { return nr_frames_ / 2; }
  u64 nr_frames() const { return nr_frames_; }
  Cpu& cpu(u32 i) { return cpus_[i]; }
  /// What lies below the decorators.
  FrameAllocator& allocator() { return source_.next().next().node({}); }
  /// Recounts the allocator: for tests.
  bool validate();

 private:
  FramePool(Arena arena, PhysicalMemory memory, u64 nr_frames);
  void make_cpus();
  bool take_and_give(Cpu& cpu, std::span<FrameNo> room);
  bool take_and_give_bulk(Cpu& cpu, std::span<FrameNo> room);

  Arena arena_;
  PhysicalMemory memory_;
  u64 nr_frames_;
  std::vector<Diagnostics> diagnostics_;
  std::vector<Cpu> cpus_;
  Budget budget_;
  FrameSource source_;
};

}  // namespace hvo::bench
