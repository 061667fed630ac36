#include "bench/frame_workloads.h"

#include <mutex>
#include <numeric>
#include <span>
#include <vector>

#include "bench/threads.h"
#include "core/base/check.h"
#include "core/base/rng.h"

namespace hvo::bench {

namespace {

std::string_view workload_name(Workload workload) {
  switch (workload) {
    case Workload::bulk: return "bulk";
    case Workload::repeat: return "repeat";
    case Workload::random: return "random";
  }
  return "?";
}

/// A free list as anyone writes it first: a stack of block numbers and a lock.
class MutexList {
 public:
  explicit MutexList(u64 nr) : free_(nr) { std::iota(free_.rbegin(), free_.rend(), u32{0}); }
  bool take(u32& block) {
    const std::scoped_lock lock(mutex_);
    if (free_.empty()) return false;
    block = free_.back();
    free_.pop_back();
    return true;
  }
  void give(u32 block) {
    const std::scoped_lock lock(mutex_);
    free_.push_back(block);
  }

 private:
  std::mutex mutex_;
  std::vector<u32> free_;
};

/// One thread's part: take(block&) and give(block) on as many blocks as `room` has. False when one was refused.
template <class Take, class Give>
bool work_on(std::span<u32> room, Workload workload, u64 seed, const Take& take, const Give& give) {
  bool all = true;
  if (workload == Workload::repeat) {
    for (u64 i = 0; i < room.size(); ++i) {
      u32 block = 0;
      all = take(block) && all;
      give(block);
    }
    return all;
  }
  for (u32& block : room) all = take(block) && all;
  if (workload == Workload::random) {
    Rng rng = Rng::seeded(seed);
    for (u64 i = 0; i < room.size(); ++i) {
      u32& block = room[rng.below(room.size())];
      give(block);
      all = take(block) && all;
    }
  }
  for (const u32 block : room) give(block);
  return all;
}

/// Shares the blocks out; nanoseconds of all threads together. `each(thread)` makes the pair of take and give.
template <class Each>
double time_work(u64 nr_blocks, const FrameWork& work, const Each& each) {
  std::vector<u32> taken(nr_blocks / 2);
  const u64 share = taken.size() / work.nr_threads;
  std::array<bool, kMostAllocators> ok{true, true};
  const double ns =
      run_threads(work.nr_threads, [&](u32 i) { ok[i] = each(i, std::span(taken).subspan(i * share, share)); });
  HVO_CHECK(ok[0] && ok[1], "half of all frames are there to be taken");
  return ns;
}

}  // namespace

std::string FrameWork::name(std::string_view who) const {
  return "frames/" + std::string(who) + "/" + std::string(workload_name(workload)) + "/order-" +
         std::to_string(order.v) + "/" + std::to_string(nr_threads) + "-thread";
}

u64 FrameWork::nr_pairs(u64 nr_frames) const {
  const u64 half = (nr_frames >> order.v) / 2;
  return workload == Workload::random ? 2 * half : half;
}

double time_allocator(FramePool& pool, const FrameWork& work) {
  for (u32 i = 0; i < work.nr_threads; ++i) pool.cpu(i).run();
  FrameAllocator& allocator = pool.allocator();
  const double ns = time_work(pool.nr_frames() >> work.order.v, work, [&](u32 i, std::span<u32> room) {
    Cpu& cpu = pool.cpu(i);
    auto take = [&](u32& block) {
      const auto got = allocator.alloc(cpu, work.order);
      if (got) block = got->v;
      return got.has_value();
    };
    auto give = [&](u32 block) { allocator.free(cpu, FrameNo{block}, work.order); };
    return work_on(room, work.workload, i, take, give);
  });
  for (u32 i = 0; i < work.nr_threads; ++i) pool.cpu(i).idle();
  return ns;
}

double time_mutex_list(u64 nr_frames, const FrameWork& work) {
  MutexList list(nr_frames >> work.order.v);
  return time_work(nr_frames >> work.order.v, work, [&](u32 i, std::span<u32> room) {
    auto take = [&](u32& block) { return list.take(block); };
    auto give = [&](u32 block) { list.give(block); };
    return work_on(room, work.workload, i, take, give);
  });
}

}  // namespace hvo::bench
