// Workloads of an allocator of frames, as papers on such allocators have them: bulk, repeat, random, for single frames
// and for blocks of 2 MiB, on one thread and on several; the simplest thing that does the same beside it.
//
// The allocator is measured by itself (per-CPU lists, buddy with coalescing, budget), as those papers measure theirs,
// without the machine's counting and failing decorators; frames_single/… in frame_arms.h has them.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "bench/frame_arms.h"

namespace hvo::bench {

enum class Workload : u8 {
  bulk,    ///< half of all is taken, then given back
  repeat,  ///< one is taken and given back, again and again
  random,  ///< half is taken; any one is given back and another taken, as often again; all is given back
};
inline constexpr std::array kWorkloads{Workload::bulk, Workload::repeat, Workload::random};

/// What is done, by whom.
struct FrameWork {
  Workload workload = Workload::bulk;
  Order order;
  u32 nr_threads = 1;

  /// "frames/<who>/bulk/order-0/2-thread"
  std::string name(std::string_view who) const;
  /// Blocks taken and given back, of `nr_frames` frames.
  u64 nr_pairs(u64 nr_frames) const;
};

/// Nanoseconds in which the allocator of `pool` does it, once through.
double time_allocator(FramePool& pool, const FrameWork& work);
/// Nanoseconds in which a list (last in, first out) of as many blocks does it under a std::mutex.
double time_mutex_list(u64 nr_frames, const FrameWork& work);

}  // namespace hvo::bench
