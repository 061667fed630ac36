#include "bench/compare/cells.h"

#include <unistd.h>

#include <algorithm>
#include <array>

namespace hvo::bench {

namespace {

constexpr std::array<std::string_view, 3> kDesigns{"fake-head", "shared-tail", "two-frame"};

constexpr std::array kHeadlineWalks{Walk::hot_head, Walk::hot_tail};
constexpr std::array kWalks{Walk::heads,     Walk::page_aligned, Walk::sequential,   Walk::random_l1,
                            Walk::random_l2, Walk::random_l3,    Walk::random_memory};
constexpr std::array kOrdinaryWalks{Walk::sequential, Walk::random_l1, Walk::random_l2, Walk::random_l3,
                                    Walk::random_memory};
constexpr std::array kFollows{Follow::stream, Follow::chain};

/// What a host says of its last cache may be the sum of a socket's, more than a core sees: half a GiB on AMD's. A
/// working set that fits such a sum would be none that fits a cache. So no more than this is taken to be there.
constexpr u64 kMostLastCache = u64{32} << 20;

u64 cache_size(int name, u64 otherwise) {
  const long n = sysconf(name);
  return n > 0 ? static_cast<u64>(n) : otherwise;
}

std::string_view page_size_name(Blocks blocks) { return blocks == Blocks::huge ? "2M" : "4K"; }

/// Collects cells.
class Cells {
 public:
  Cells(bool ordinary, bool huge) : ordinary_(ordinary), huge_(huge) {}

  void add(const std::string& arm, std::string_view kernel, bool key, std::string_view design, Kind kind,
           Blocks blocks) {
    if (blocks == Blocks::huge && !huge_) return;
    // Single pages are never optimised, so their struct pages stay mapped by 2 MiB where the host has that.
    if (ordinary_ && huge_ && blocks == Blocks::shared) return;
    cells_.push_back(
        {.name = arm + "@" + std::string(page_size_name(blocks)),
         .kernel = kernel,
         .key = key,
         .ground = {
             .design = ordinary_ ? "none" : design, .kind = ordinary_ ? Kind::ordinary : kind, .blocks = blocks}});
  }
  void add_both(const std::string& arm, std::string_view kernel, bool key, std::string_view design) {
    for (const Blocks blocks : {Blocks::huge, Blocks::shared}) add(arm, kernel, key, design, Kind::full, blocks);
  }
  /// Optimised folios' tails are mapped by 4 KiB in any case.
  void add_optimized(const std::string& arm, std::string_view kernel, bool key, std::string_view design, bool half) {
    if (ordinary_) return;
    if (half) add(arm + "/half", kernel, key, design, Kind::half, Blocks::shared);
    add(arm + "/all", kernel, key, design, Kind::optimized, Blocks::shared);
  }
  std::vector<Cell> take() { return std::move(cells_); }

 private:
  bool ordinary_;
  bool huge_;
  std::vector<Cell> cells_;
};

bool is_hot(Walk walk) { return walk == Walk::hot_head || walk == Walk::hot_tail; }

void add_baselines(Cells& cells, std::string_view helper, bool again_first, bool plant) {
  const std::string_view one = again_first ? "none-again" : "none";
  const std::string_view other = again_first ? "none" : "none-again";
  cells.add_both("none", one, false, "none");
  cells.add_both("none-again", other, false, "none");
  if (plant) cells.add_both("planted", other, false, "none");
  if (helper == "compound_head") cells.add_both("none-branch-free", "none-branch-free", false, "none");
}

void add_fake_head(Cells& cells, const Case& c) {
  const bool half = !is_hot(c.walk);
  if (c.helper == "page_ref_add_unless") {
    for (const std::string_view kernel : {"fake-head", "fake-head-rcu", "fake-head-acquire"}) {
      cells.add_both(std::string(kernel) + "/off", kernel, false, "none");
      cells.add_both(std::string(kernel) + "/on", kernel, true, "none");
    }
    return;
  }
  // "on": other folios are optimised, these are not.
  for (const std::string_view kernel : {"fake-head", "fake-head-flag"}) {
    cells.add_both(std::string(kernel) + "/off", kernel, false, "none");
    cells.add_both(std::string(kernel) + "/on", kernel, true, "none");
    cells.add_optimized(std::string(kernel), kernel, true, "fake-head", half && kernel == "fake-head");
  }
}

}  // namespace

std::string_view follow_name(Follow follow) {
  switch (follow) {
    case Follow::stream: return "stream";
    case Follow::chain: return "chain";
    case Follow::pressure: return "pressure";
  }
  return "?";
}

std::string_view walk_name(Walk walk) {
  switch (walk) {
    case Walk::hot_head: return "hot-head";
    case Walk::hot_tail: return "hot-tail";
    case Walk::heads: return "heads";
    case Walk::page_aligned: return "page-aligned";
    case Walk::sequential: return "sequential";
    case Walk::random_l1: return "random-L1";
    case Walk::random_l2: return "random-L2";
    case Walk::random_l3: return "random-L3";
    case Walk::random_memory: return "random-memory";
  }
  return "?";
}

std::string_view walk_meaning(Walk walk) {
  switch (walk) {
    case Walk::hot_head: return "one head again and again; of single pages, one that is not page-aligned";
    case Walk::hot_tail: return "tails of one hugepage, not page-aligned";
    case Walk::heads: return "heads of all hugepages, at random";
    case Walk::page_aligned: return "tails at the start of a vmemmap page, at random: fake heads where optimised";
    case Walk::sequential: return "one struct page after the other";
    case Walk::random_l1: return "at random; unaliased they fill half the first cache";
    case Walk::random_l2: return "likewise, half the second";
    case Walk::random_l3: return "likewise, half the last (16 MiB at most)";
    case Walk::random_memory: return "likewise, two and a half times the last (80 MiB at most), flushed before";
  }
  return "?";
}

Caches host_caches() {
  return {.l1 = cache_size(_SC_LEVEL1_DCACHE_SIZE, u64{32} << 10),
          .l2 = cache_size(_SC_LEVEL2_CACHE_SIZE, u64{1} << 20),
          .l3 = std::min(kMostLastCache, cache_size(_SC_LEVEL3_CACHE_SIZE, kMostLastCache))};
}

std::string Case::name() const {
  return std::string(helper) + (ordinary ? "/pages/" : "/hugepages/") + std::string(walk_name(walk)) + "/" +
         std::string(follow_name(follow));
}

std::span<const std::string_view> compared_designs() { return kDesigns; }

std::vector<Case> cases_of(Extent extent) {
  std::vector<Case> cases;
  for (const Follow follow : kFollows) {
    for (const Walk walk : kHeadlineWalks) cases.push_back({"compound_head", walk, follow, false});
    cases.push_back({"compound_head", Walk::hot_head, follow, true});
  }
  if (extent == Extent::quick) return cases;
  for (const Follow follow : kFollows) {
    for (const Walk walk : kWalks) cases.push_back({"compound_head", walk, follow, false});
    for (const Walk walk : kOrdinaryWalks) cases.push_back({"compound_head", walk, follow, true});
  }
  cases.push_back({"compound_head", Walk::random_l1, Follow::pressure, false});
  cases.push_back({"compound_head", Walk::random_l1, Follow::pressure, true});
  for (const std::string_view helper : {"PageHead", "PageTail"}) {
    for (const Walk walk : {Walk::hot_head, Walk::heads, Walk::page_aligned, Walk::random_l2}) {
      cases.push_back({helper, walk, Follow::stream, false});
    }
    cases.push_back({helper, Walk::random_l2, Follow::stream, true});
  }
  for (const Walk walk : {Walk::random_l1, Walk::random_l3}) {
    cases.push_back({"page_ref_add_unless", walk, Follow::stream, true});
  }
  return cases;
}

std::vector<HeadlineRow> headline() {
  std::vector<HeadlineRow> rows;
  for (const Follow follow : kFollows) {
    const std::string head = Case{"compound_head", Walk::hot_head, follow, false}.name();
    const std::string tail = Case{"compound_head", Walk::hot_tail, follow, false}.name();
    const std::string page = Case{"compound_head", Walk::hot_head, follow, true}.name();
    rows.push_back({"key off", head, "fake-head/off"});
    rows.push_back({"on, not page-aligned", page, "fake-head/on"});
    rows.push_back({"on, aligned head", head, "fake-head/all"});
    rows.push_back({"on, tails", tail, "fake-head/all"});
    rows.push_back({"mask, head", head, "shared-tail/all"});
    rows.push_back({"mask, tails", tail, "shared-tail/all"});
  }
  return rows;
}

std::vector<HeadlineRow> control_rows() {
  std::vector<HeadlineRow> rows;
  for (const Follow follow : kFollows) {
    const std::string head = Case{"compound_head", Walk::hot_head, follow, false}.name();
    rows.push_back({"none again", head, "none-again"});
    rows.push_back({"3 % planted", head, "planted"});
  }
  return rows;
}

std::vector<Cell> cells_of(const Case& c, std::string_view design, bool huge, bool again_first, bool plant) {
  Cells cells(c.ordinary, huge);
  add_baselines(cells, c.helper, again_first, plant);
  if (design == "fake-head") {
    add_fake_head(cells, c);
  } else {
    // Before it is optimised a folio of two-frame is one of none.
    if (design == "shared-tail") cells.add_both("shared-tail/on", "shared-tail", false, "shared-tail");
    if (design == "two-frame" && c.ordinary) cells.add_both("two-frame/on", "two-frame", false, "none");
    cells.add_optimized(std::string(design), design, false, design, !is_hot(c.walk));
  }
  return cells.take();
}

bool is_baseline(std::string_view cell) { return cell.starts_with("none@") || cell.starts_with("none-again@"); }

}  // namespace hvo::bench
