// IndexList: a queue of numbers, linked through one word per number. The list of everything that has a number: frames
// on their way, folios of a pool.
#pragma once

#include <span>
#include <utility>

#include "core/base/check.h"
#include "core/base/types.h"

namespace hvo {

/// Ends and length of a list. Lives in the arena, or on the stack of the operation that owns the list.
struct ListHead {
  static constexpr u32 kEnd = ~u32{0};
  u32 first = kEnd;
  u32 last = kEnd;
  u64 size = 0;
};

/// A view of a list and of the links that all lists of one kind share. A number is on at most one of them. Not
/// thread-safe: a list and the links of its members belong to one CPU, or to the holder of its lock; they pass on with
/// that, so nothing here is a step.
class IndexList {
 public:
  IndexList(std::span<u32> links, ListHead& head) : links_(links), head_(&head) {}

  bool is_empty() const { return head_->size == 0; }
  u64 size() const { return head_->size; }
  void push_back(u32 n) {
    links_[n] = ListHead::kEnd;
    (is_empty() ? head_->first : links_[head_->last]) = n;
    head_->last = n;
    ++head_->size;
  }
  void push_front(u32 n) {
    links_[n] = head_->first;
    if (is_empty()) head_->last = n;
    head_->first = n;
    ++head_->size;
  }
  u32 pop_front() {
    HVO_CHECK(!is_empty(), "something was taken from an empty list");
    const u32 n = head_->first;
    head_->first = links_[n];
    --head_->size;
    return n;
  }
  u32 front() const {
    HVO_CHECK(!is_empty(), "an empty list was asked for its first");
    return head_->first;
  }
  /// The first member for which pred(n) holds, or ListHead::kEnd.
  template <class Pred>
  u32 find_if(Pred pred) const {
    u32 n = head_->first;
    for (u64 i = 0; i < head_->size && n != ListHead::kEnd; ++i, n = links_[n]) {
      if (pred(n)) return n;
    }
    return ListHead::kEnd;
  }
  /// Takes `n` out of the middle; false when it is not on this list. Linear in the list.
  bool remove(u32 n) {
    u32 before = ListHead::kEnd;
    u32 at = head_->first;
    for (u64 i = 0; i < head_->size && at != ListHead::kEnd; before = at, at = links_[at], ++i) {
      if (at != n) continue;
      (before == ListHead::kEnd ? head_->first : links_[before]) = links_[n];
      if (head_->last == n) head_->last = before;
      --head_->size;
      return true;
    }
    return false;
  }
  /// Moves all of `other`, a list over the same links, to the end.
  void append(IndexList& other) {
    if (other.is_empty()) return;
    (is_empty() ? head_->first : links_[head_->last]) = other.head_->first;
    head_->last = other.head_->last;
    head_->size += std::exchange(other.head_->size, 0);
  }
  /// Calls fn(n) for each member in order, at most size() of them: a list that is longer than it says is cut off.
  template <class Fn>
  void for_each(Fn fn) const {
    u32 n = head_->first;
    for (u64 i = 0; i < head_->size && n != ListHead::kEnd; ++i, n = links_[n]) fn(n);
  }

 private:
  std::span<u32> links_;
  ListHead* head_;
};

}  // namespace hvo
