// build: one pool built in the software machine under one design, measured.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>

#include "bench/savings/plan.h"

namespace hvo::bench::savings {

enum class Stage : u8 {
  boot,  ///< page tables, and all struct pages written
  pool,  ///< hugepages made, optimised, freed frames given back
};
/// Called now and then: how far the stage is. False stops the building.
using Watch = std::function<bool(Stage stage, u64 done, u64 all)>;

/// What the host keeps in memory for a machine.
struct Resident {
  u64 frames = 0;  ///< bytes of the frames (mincore of them): struct pages and page tables
  u64 beside = 0;  ///< bytes of all else that the machine keeps (mincore of its arena)
  u64 total() const { return frames + beside; }
};

/// A pool that was built. Before: the machine has booted and has no hugepage yet.
struct Built {
  const Design* design = nullptr;
  u64 nr_hugepages = 0;
  u64 mapped_before = 0;  ///< distinct frames that back struct pages
  u64 mapped = 0;
  u64 nr_shared_tails = 0;  ///< of `mapped`: frames of tails that belong to no hugepage
  u64 pte_pages = 0;
  u64 given_back = 0;  ///< frames whose memory went back to the host; one that was used again may count twice
  Resident before{};
  Resident after{};
  double boot_seconds = 0;
  double pool_seconds = 0;       ///< giving back included
  double give_back_seconds = 0;  ///< of these
  u64 nr_violations = 0;

  double seconds() const { return boot_seconds + pool_seconds; }
  double hugepages_per_second() const {
    return pool_seconds > 0 ? static_cast<double>(nr_hugepages) / pool_seconds : 0;
  }
  /// Frames of struct pages that the pool needs no more.
  u64 frames_saved() const { return mapped_before - mapped; }
};

/// Nothing when `watch` stopped it. Error: one line for the user.
std::expected<std::optional<Built>, std::string> build(const Plan& plan, const Design& design, const Watch& watch);

}  // namespace hvo::bench::savings
