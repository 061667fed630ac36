// FrameList: frames on their way out of, or into, the vmemmap.
#pragma once

#include "core/base/index_list.h"
#include "core/base/units.h"

namespace hvo {

/// A queue of frames, on the stack of the operation that owns them; `links` has a word per frame of the machine.
class FrameList {
 public:
  explicit FrameList(std::span<u32> links) : links_(links) {}
  FrameList(const FrameList&) = delete;
  FrameList& operator=(const FrameList&) = delete;

  bool is_empty() const { return head_.size == 0; }
  u64 size() const { return head_.size; }
  void push_back(FrameNo f) { list().push_back(f.v); }
  FrameNo pop_front() { return {list().pop_front()}; }
  /// Moves all of `other` to the end.
  void append(FrameList& other) {
    IndexList theirs = other.list();
    list().append(theirs);
  }

 private:
  IndexList list() { return {links_, head_}; }

  std::span<u32> links_;
  ListHead head_;
};

}  // namespace hvo
