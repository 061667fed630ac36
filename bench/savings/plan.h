// plan: what is to be built, and whether this host can hold it.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "core/machine/config.h"

namespace hvo::bench::savings {

/// A pool that fills `memory_bytes` with hugepages of `order`, built under each design in turn.
struct Plan {
  u64 memory_bytes = 0;
  Order order{};
  std::vector<const Design*> designs{};  ///< the first is the baseline, "none"
  u64 nr_rounds = 1;                     ///< how often each is built

  u64 nr_hugepages() const { return memory_bytes / kGeometries[0].folio_bytes(order); }
};

/// What the command line said.
struct Words {
  std::string memory = "64GiB";
  std::string hugepage = "2M";
  std::vector<std::string> designs{};  ///< names, or kernel versions; none: all
  std::string rounds = "1";
};
/// Error: one line for the user.
std::expected<Plan, std::string> make_plan(const Words& words);

/// The machine in which the pool is built: memory for the pool and for its own struct pages and page tables, one CPU,
/// neither poison nor flight recorder.
MachineConfig config_of(const Plan& plan, const Design& design);

/// Bytes of host memory at the peak, which is the same under every design: boot fills all struct pages, then the pool
/// is made. Frames, what the machine keeps beside them, and the host's own page tables.
u64 host_bytes_needed(const Plan& plan);
/// Error: one line with what is needed, what is there, and what would fit.
std::expected<void, std::string> check_fits(const Plan& plan, std::optional<u64> available_bytes);

}  // namespace hvo::bench::savings
