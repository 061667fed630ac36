// Footprints: which words of modelled memory each CPU has touched, so that an exploration leaves out schedules that
// differ in nothing.
//
// A switch to another CPU before a step that touches nothing of that CPU's is the same as a switch after it. So only
// steps that meet another CPU need alternatives. What a CPU touches is learned while exploring: when a pass has learned
// something new, it has to be made again.
#pragma once

#include <unordered_map>
#include <utility>
#include <vector>

#include "core/cpu/access.h"

namespace hvo {

class Footprints {
 public:
  explicit Footprints(u32 nr_cpus) : touched_(nr_cpus) {}

  /// CPU `cpu` has done `access` on `word`. True when another CPU has touched the same, and one of the two wrote.
  /// `frame_bytes`: the size of a frame.
  bool note(u32 cpu, const Access& access, const void* word, u64 frame_bytes) {
    const u8 how = access.is_write() ? kWrites : kReads;
    const u64 first = reinterpret_cast<u64>(word) / sizeof(u64);
    bool meets = false;
    for (u64 w = first; w != first + nr_words(access, frame_bytes); ++w) {
      u8& mine = touched_[cpu][w];
      has_grown_ = has_grown_ || (mine | how) != mine;
      mine |= how;
      meets = meets || is_met(cpu, w, how);
    }
    return meets;
  }
  /// True when something new was learned since the last call.
  bool has_grown() { return std::exchange(has_grown_, false); }

 private:
  static constexpr u8 kReads = 1;
  static constexpr u8 kWrites = 2;

  static u64 nr_words(const Access& access, u64 frame_bytes) {
    if (access.kind == Kind::fill_frame) return frame_bytes / sizeof(u64);
    return access.kind == Kind::load_line ? access.size / sizeof(u64) : 1;
  }
  bool is_met(u32 cpu, u64 word, u8 how) const {
    for (u32 other = 0; other < touched_.size(); ++other) {
      if (other == cpu) continue;
      const auto found = touched_[other].find(word);
      if (found != touched_[other].end() && ((found->second | how) & kWrites) != 0) return true;
    }
    return false;
  }

  /// Per CPU: what it did to each word, by its address / 8. The machine of an exploration stays where it is.
  std::vector<std::unordered_map<u64, u8>> touched_;
  bool has_grown_ = false;
};

}  // namespace hvo
