// pools: hugepage sizes by name, and how much memory a set of pools needs.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/geometry.h"

namespace hvo::stress {

/// So many hugepages of one size, to be in their pool from the start.
struct PoolRequest {
  Order order;
  u64 nr = 0;
  friend bool operator==(const PoolRequest&, const PoolRequest&) = default;
};

/// "8K", "2M", "1G": bytes in the largest binary unit that leaves a whole number.
std::string size_name(u64 bytes);
/// The hugepage sizes of a geometry, smallest first.
std::vector<Order> huge_orders(const Geometry& geometry);

/// Reads "2M=512,1G=2". Error: one line that says what is wrong with `text`.
std::expected<std::vector<PoolRequest>, std::string> parse_pools(std::string_view text, const Geometry& geometry);
/// The reverse of parse_pools.
std::string pools_text(std::span<const PoolRequest> pools, const Geometry& geometry);

/// The least memory, in whole MiB, that holds these pools in full beside the machine's own vmemmap and page tables. HVO
/// is taken as off: a pool must fit before it can be optimised.
u64 mib_needed(std::span<const PoolRequest> pools, const Geometry& geometry);

}  // namespace hvo::stress
