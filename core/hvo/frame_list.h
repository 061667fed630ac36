// FrameList: frames on their way out of, or into, the vmemmap; linked through one word per frame in the arena.
#pragma once

#include <span>

#include "core/base/check.h"
#include "core/base/units.h"

namespace hvo {

/// A queue of frames. A frame is on at most one list; the list and its frames' links belong to one CPU at a time (whose
/// ownership of the frames passes on with them), so nothing here is a step.
class FrameList {
 public:
  explicit FrameList(std::span<FrameNo> links) : links_(links) {}

  bool is_empty() const { return first_ == kNoFrame; }
  u64 size() const { return size_; }
  void push_back(FrameNo f) {
    links_[f.v] = kNoFrame;
    if (is_empty()) {
      first_ = f;
    } else {
      links_[last_.v] = f;
    }
    last_ = f;
    ++size_;
  }
  FrameNo pop_front() {
    HVO_CHECK(!is_empty(), "a frame was taken from an empty list");
    const FrameNo f = first_;
    first_ = links_[f.v];
    --size_;
    return f;
  }

 private:
  std::span<FrameNo> links_;
  FrameNo first_ = kNoFrame;
  FrameNo last_ = kNoFrame;
  u64 size_ = 0;
};

}  // namespace hvo
