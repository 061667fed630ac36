// Nodes: parts of a machine, each with memory and CPUs of its own (NUMA).
#pragma once

#include "core/base/check.h"
#include "core/base/units.h"

namespace hvo {

inline constexpr u32 kMaxNodes = 4;

/// A node of the machine (nid).
struct NodeId {
  u32 v = 0;
  friend constexpr auto operator<=>(const NodeId&, const NodeId&) = default;
};
/// No node in particular. Source: NUMA_NO_NODE.
inline constexpr NodeId kNoNode{~u32{0}};

/// CPUs are dealt out to the nodes one by one, so that the first two are of different nodes.
constexpr NodeId node_of_cpu(u32 cpu, u32 nr_nodes) { return {nr_nodes == 1 ? 0 : cpu % nr_nodes}; }

/// Where memory is to come from: this node and, unless told otherwise, the ones after it, in order, when it has none.
struct Placement {
  NodeId node = kNoNode;  ///< kNoNode: that of the CPU that asks
  bool this_node_only = false;

  static constexpr Placement first(NodeId node) { return {node, false}; }
  /// Source: __GFP_THISNODE.
  static constexpr Placement only(NodeId node) { return {node, true}; }
  constexpr NodeId node_for(u32 cpu, u32 nr_nodes) const { return node == kNoNode ? node_of_cpu(cpu, nr_nodes) : node; }
};

/// Units (Pfn, FrameNo) in as many equal runs as there are nodes.
template <class Unit>
class NodeRanges {
 public:
  /// `nr_nodes` (1 … kMaxNodes) divides `nr_units`.
  constexpr NodeRanges(u64 nr_units, u32 nr_nodes) : nr_nodes_(nr_nodes), per_node_(nr_units / nr_nodes) {
    HVO_CHECK(nr_nodes >= 1 && nr_nodes <= kMaxNodes && per_node_ * nr_nodes == nr_units,
              "a machine has 1 to 4 nodes of one size");
  }
  constexpr u32 nr_nodes() const { return nr_nodes_; }
  constexpr u64 per_node() const { return per_node_; }
  /// The node of a unit. One that does not exist is the last node's.
  constexpr NodeId node_of(Unit u) const {
    if (nr_nodes_ == 1) return {0};
    const u64 n = u64{u.v} / per_node_;
    return {n < nr_nodes_ ? static_cast<u32>(n) : nr_nodes_ - 1};
  }
  constexpr Unit first_of(NodeId node) const { return Unit{} + node.v * per_node_; }

 private:
  u32 nr_nodes_;
  u64 per_node_;
};

}  // namespace hvo
