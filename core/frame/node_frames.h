// NodeFrames: the frames of all nodes. Each node has a run of frames, and an allocator of its own: buddy, zone lock,
// per-CPU lists, budget.
//
// Locks: those of one node's allocator at a time, never of two.
#pragma once

#include <type_traits>
#include <vector>

#include "core/base/nodes.h"
#include "core/frame/frame_allocator.h"

namespace hvo {

/// Allocates where a Placement says, frees to the node that owns the frame. Thread-safe as FrameAllocator. A machine of
/// one node pays one test for it. Source: get_page_from_freelist(), zonelists.
class NodeFrames {
 public:
  /// All frames of `frames`, in equal runs, a node for each budget (1 … kMaxNodes); they divide evenly.
  NodeFrames(Arena& arena, const FrameAllocatorConfig& config, const FrameTable& frames,
             std::span<const Budget> budgets)
      : ranges_(frames.nr_frames(), static_cast<u32>(budgets.size())) {
    nodes_.reserve(budgets.size());
    for (NodeId n; n.v < budgets.size(); ++n.v) {
      nodes_.emplace_back(arena, config, frames, budgets[n.v], ranges_.first_of(n), ranges_.per_node());
    }
  }
  /// One node.
  NodeFrames(Arena& arena, const FrameAllocatorConfig& config, const FrameTable& frames, const Budget& budget)
      : NodeFrames(arena, config, frames, std::span<const Budget>(&budget, 1)) {}

  u32 nr_nodes() const { return ranges_.nr_nodes(); }
  FrameAllocator& node(NodeId node) { return nodes_[node.v]; }
  NodeId node_of(FrameNo frame) const { return ranges_.node_of(frame); }

  /// As FrameAllocator::alloc. Each node that is asked has drained its per-CPU lists before the next one is. Error:
  /// enomem, no node that may be asked has such a block.
  std::expected<FrameNo, Errno> alloc(Cpu& cpu, Order order, Placement at = {}) {
    if (nr_nodes() == 1) [[likely]]
      return nodes_[0].alloc(cpu, order);
    return on_nodes(cpu, at, [&](FrameAllocator& node) { return node.alloc(cpu, order); });
  }
  /// As FrameAllocator::alloc_bulk: all from one node, or none.
  std::expected<void, Errno> alloc_bulk(Cpu& cpu, std::span<FrameNo> out, Placement at = {}) {
    if (nr_nodes() == 1) [[likely]]
      return nodes_[0].alloc_bulk(cpu, out);
    return on_nodes(cpu, at, [&](FrameAllocator& node) { return node.alloc_bulk(cpu, out); });
  }
  void free(Cpu& cpu, FrameNo frame, Order order) { owner(frame).free(cpu, frame, order); }
  void free_bulk(Cpu& cpu, std::span<const FrameNo> frames) {
    if (nr_nodes() == 1) [[likely]]
      return nodes_[0].free_bulk(cpu, frames);
    while (!frames.empty()) {
      FrameAllocator& node = owner(frames[0]);
      std::size_t n = 1;
      while (n < frames.size() && &owner(frames[n]) == &node) ++n;
      node.free_bulk(cpu, frames.first(n));
      frames = frames.subspan(n);
    }
  }
  void split_page(Cpu& cpu, FrameNo frame, Order order) { owner(frame).split_page(cpu, frame, order); }

  /// Every node's FrameAllocator::validate.
  bool validate(Cpu& cpu) {
    bool ok = true;
    for (FrameAllocator& node : nodes_) ok = node.validate(cpu) && ok;
    return ok;
  }

 private:
  FrameAllocator& owner(FrameNo frame) { return nodes_[ranges_.node_of(frame).v]; }
  /// try_node(allocator) for each node that `at` allows, until one says yes.
  template <class Fn>
  std::invoke_result_t<Fn&, FrameAllocator&> on_nodes(Cpu& cpu, Placement at, Fn try_node) {
    const u32 first = at.node_for(cpu.id(), nr_nodes()).v;
    auto got = try_node(nodes_[first]);
    if (at.this_node_only) return got;
    for (u32 i = 1; !got && i < nr_nodes(); ++i) got = try_node(nodes_[(first + i) % nr_nodes()]);
    return got;
  }

  NodeRanges<FrameNo> ranges_;
  std::vector<FrameAllocator> nodes_;
};

}  // namespace hvo
