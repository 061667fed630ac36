// Cells: what a comparison is made of. A case is a way to look struct pages up; its cells are the designs' answers to
// it, each over memory that lies as that design lays it.
//
// One process runs the cases of one design, next to all baselines: all populations of all designs at once would need
// more mappings than a host allows. The baseline is there twice in each process, on the same memory: which of the two
// copies is called `none` is drawn for each process, so that the ratio of the two is 1 by construction.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bench/population.h"

namespace hvo::bench {

/// How one lookup follows the other.
enum class Follow : u8 {
  stream,    ///< independent: throughput
  chain,     ///< the address of each needs a word of the head found before: latency
  pressure,  ///< independent, other memory touched in between
};
std::string_view follow_name(Follow follow);

/// Which struct pages are looked up.
enum class Walk : u8 {
  hot_head,
  hot_tail,
  heads,
  page_aligned,
  sequential,
  random_l1,  ///< at random, over struct pages that fill half of the cache of that level under `none`
  random_l2,
  random_l3,
  random_memory,  ///< … two and a half times the last cache
};
std::string_view walk_name(Walk walk);
/// What it means, for a legend.
std::string_view walk_meaning(Walk walk);

/// Bytes of the host's caches that a core sees.
struct Caches {
  u64 l1 = 0;
  u64 l2 = 0;
  u64 l3 = 0;
};
/// As the C library knows them; 32 KiB, 1 MiB, 32 MiB where it does not. The last one is 32 MiB at most.
Caches host_caches();

/// The memory that a cell looks at.
struct Ground {
  std::string_view design;
  Kind kind = Kind::full;
  Blocks blocks = Blocks::shared;
  friend bool operator==(const Ground&, const Ground&) = default;
};

/// One thing that is timed.
struct Cell {
  /// "<arm>/<key or population>@<host pages that map struct pages of their own>": "fake-head/on@2M",
  /// "fake-head/all@4K".
  std::string name;
  std::string_view kernel;
  bool key = false;
  Ground ground;
};

/// What is compared: ratios are taken between cells of one case only.
struct Case {
  std::string_view helper;
  Walk walk{};
  Follow follow{};
  bool ordinary = false;  ///< of single pages, else of hugepages
  /// "compound_head/hugepages/random-L2/chain"
  std::string name() const;
};

/// Baselines that a case may have, and the copy of each. In the order of preference.
inline constexpr std::string_view kNone2M = "none@2M";
inline constexpr std::string_view kNone4K = "none@4K";
inline constexpr std::string_view kAgain2M = "none-again@2M";
inline constexpr std::string_view kAgain4K = "none-again@4K";
/// An arm that does 3 % more work than it reports; only there when it is asked for.
inline constexpr std::string_view kPlanted2M = "planted@2M";
inline constexpr std::string_view kPlanted4K = "planted@4K";
inline constexpr double kPlantedFactor = 1.03;

/// The designs whose lookups differ, each the subject of processes of its own.
std::span<const std::string_view> compared_designs();

/// How much is compared.
enum class Extent : u8 { quick, all };
/// Cases, the headline first. `quick`: the headline only.
std::vector<Case> cases_of(Extent extent);
/// The rows of the table of 2021, by name.
struct HeadlineRow {
  std::string_view title;  ///< "on, aligned head"
  std::string case_name;
  std::string cell;
};
std::vector<HeadlineRow> headline();
/// What shows that the comparison can be trusted: the baseline's copy, and the planted arm, of the headline's heads.
std::vector<HeadlineRow> control_rows();

/// The cells of a case in a process about `design`. `huge`: the host grants 2 MiB pages. `again_first`: the copies of
/// the baseline change places. `plant`: with the planted arm.
std::vector<Cell> cells_of(const Case& c, std::string_view design, bool huge, bool again_first, bool plant);

/// True for a cell that is a baseline or a copy of one.
bool is_baseline(std::string_view cell);

}  // namespace hvo::bench
