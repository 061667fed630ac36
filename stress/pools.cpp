#include "stress/pools.h"

#include <fmt/format.h>

#include <algorithm>

#include "stress/numbers.h"

namespace hvo::stress {

namespace {

constexpr u64 kMostPages = u64{1} << 40;  // far above every machine, far below an overflow

std::string known_sizes(const Geometry& geometry) {
  std::string s;
  for (const Order order : huge_orders(geometry)) {
    s += (s.empty() ? "" : ", ") + size_name(geometry.folio_bytes(order));
  }
  return s;
}

std::expected<PoolRequest, std::string> parse_pool(std::string_view item, const Geometry& geometry) {
  const auto equals = item.find('=');
  if (equals == std::string_view::npos) {
    return std::unexpected(fmt::format("--pool takes SIZE=COUNT,..., as in 2M=512, not '{}'", item));
  }
  const std::string_view name = item.substr(0, equals);
  const std::vector<Order> orders = huge_orders(geometry);
  const auto order = std::ranges::find_if(orders, [&](Order o) { return size_name(geometry.folio_bytes(o)) == name; });
  if (order == orders.end()) {
    return std::unexpected(fmt::format("--pool: '{}' is no hugepage size of geometry {}; known: {}", name,
                                       geometry.name, known_sizes(geometry)));
  }
  const auto nr = whole_number(item.substr(equals + 1));
  if (!nr || *nr == 0 || *nr > kMostPages >> order->v) {
    return std::unexpected(fmt::format("--pool: the count of {} must be 1 to {}, not '{}'", name,
                                       kMostPages >> order->v, item.substr(equals + 1)));
  }
  return PoolRequest{*order, *nr};
}

}  // namespace

std::string size_name(u64 bytes) {
  constexpr std::string_view kUnits = "KMGT";
  std::string unit;
  for (std::size_t i = 0; i < kUnits.size() && bytes % 1024 == 0 && bytes != 0; ++i) {
    bytes /= 1024;
    unit = kUnits[i];
  }
  return fmt::format("{}{}", bytes, unit);
}

std::vector<Order> huge_orders(const Geometry& geometry) {
  const HugeSizes sizes = geometry.huge_sizes();
  std::vector<Order> orders(sizes.begin(), sizes.end());
  std::ranges::reverse(orders);
  return orders;
}

std::expected<std::vector<PoolRequest>, std::string> parse_pools(std::string_view text, const Geometry& geometry) {
  std::vector<PoolRequest> pools;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const auto pool = parse_pool(text.substr(at, comma - at), geometry);
    if (!pool) return std::unexpected(pool.error());
    if (std::ranges::find(pools, pool->order, &PoolRequest::order) != pools.end()) {
      return std::unexpected(fmt::format("--pool names {} twice", size_name(geometry.folio_bytes(pool->order))));
    }
    pools.push_back(*pool);
    at = comma + 1;
  }
  return pools;
}

std::string pools_text(std::span<const PoolRequest> pools, const Geometry& geometry) {
  std::string s;
  for (const PoolRequest& pool : pools) {
    s += fmt::format("{}{}={}", s.empty() ? "" : ",", size_name(geometry.folio_bytes(pool.order)), pool.nr);
  }
  return s;
}

u64 mib_needed(std::span<const PoolRequest> pools, const Geometry& geometry) {
  u64 wanted = 0;
  for (const PoolRequest& pool : pools) wanted += pool.nr << pool.order.v;
  // The vmemmap takes its share of the memory that it describes, so more memory needs more of it: a few rounds settle.
  const u64 ptrs = geometry.ptrs_per_table();
  const u64 mib = std::max<u64>(1, (u64{1} << 20) >> geometry.page_shift);
  u64 pages = wanted;
  for (u64 before = 0; before != pages;) {
    before = pages;
    const u64 nr_vmemmap_pages = align_up(pages, geometry.memory_granule()) / geometry.structs_per_page();
    const u64 nr_pmds = align_up(nr_vmemmap_pages, ptrs) / ptrs;
    const u64 own = nr_vmemmap_pages + nr_pmds + align_up(nr_pmds, ptrs) / ptrs;
    pages = align_up(wanted + own, mib);
  }
  return pages / mib;
}

}  // namespace hvo::stress
