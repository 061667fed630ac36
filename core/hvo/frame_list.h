// FrameList: frames on their way out of, or into, the vmemmap.
#pragma once

#include "core/base/index_list.h"
#include "core/base/units.h"

namespace hvo {

/// A queue of frames, on the stack of the operation that owns them; `links` has a word per frame of the machine.
class FrameList {
 public:
  explicit FrameList(std::span<u32> links) : list_(links, head_) {}
  FrameList(const FrameList&) = delete;
  FrameList& operator=(const FrameList&) = delete;

  bool is_empty() const { return list_.is_empty(); }
  u64 size() const { return list_.size(); }
  void push_back(FrameNo f) { list_.push_back(f.v); }
  FrameNo pop_front() { return {list_.pop_front()}; }

 private:
  ListHead head_;
  IndexList list_;
};

}  // namespace hvo
