#include "bench/lookup_arms.h"

#include <algorithm>
#include <array>

#include "core/base/check.h"
#include "core/vmemmap/compound_head.h"

namespace hvo::bench {

namespace {

/// The fake-head check's switch: a plain flag, which a kernel would patch into its code.
std::atomic<bool> key{false};

bool key_flag() { return key.load(std::memory_order::relaxed); }

/// PointerHead with a branch in it, as the kernel has: the empty statement on one of two paths can't be made a
/// conditional move of. Left alone, clang makes one, and a conditional move waits for a load that a predicted branch
/// does not wait for: fake-head, whose second path has loads and so is always a branch, then looks up to ten times
/// cheaper than the baseline in a chain.
struct BranchingPointerHead {
  template <PageAccessor A>
  static Page head(const A& a, Page p) {
    return head_by_pointer<BranchingPointerHead>(a, p);
  }
  template <PageAccessor A>
  static Page fixed(const A& /*a*/, Page p) {
    asm volatile("" : "+r"(p.va));
    return p;
  }
};

/// The same answer by arithmetic alone.
struct BranchFreePointerHead {
  template <PageAccessor A>
  static Page head(const A& a, Page p) {
    const u64 head = a.read_once(p, page_field::compound_head);
    const u64 is_tail = u64{0} - (head & 1);
    return {(p.va & ~is_tail) | ((head - 1) & is_tail)};
  }
};

/// `copy` makes instances that differ in nothing but where they lie.
template <class Encoding, Flow flow, int copy>
[[gnu::noinline, gnu::aligned(64)]] u64 lookups(u64 base, const u32* first, const u32* last) {
  const HostPages<key_flag> pages;
  u64 sum = 0;
  u64 link = 0;
  for (; first != last; ++first) {
    const Page head = compound_head<Encoding>(pages, Page{base + (u64{*first} << kStructPageShift) + link});
    sum += head.va;
    // Always zero here, but the compiler can't know.
    if constexpr (flow == Flow::chain) link = pages.read_once(head, page_field::memcg_data);
  }
  return sum;
}

/// A row whose loops are instances of this encoding's.
template <class Encoding, int copy = 0>
constexpr LookupDesign with(LookupDesign row) {
  row.stream = &lookups<Encoding, Flow::stream, copy>;
  row.chain = &lookups<Encoding, Flow::chain, copy>;
  return row;
}

constexpr LookupDesign on_none(std::string_view name) {
  return {
      .name = name, .stream = nullptr, .chain = nullptr, .full_of = "none", .optimized_of = {}, .ordinary_of = "none"};
}

constexpr std::array kDesignRows{
    with<BranchingPointerHead, 0>(on_none("none")),
    with<BranchingPointerHead, 1>(on_none("none-again")),
    with<BranchFreePointerHead>(on_none("none-branch-free")),
    // Before it is optimised a folio of two-frame is one of none.
    with<BranchingPointerHead, 2>({.name = "two-frame",
                                   .stream = nullptr,
                                   .chain = nullptr,
                                   .full_of = {},
                                   .optimized_of = "two-frame",
                                   .ordinary_of = {}}),
    with<FakeHead>(on_none("fake-head-off")),
    with<FakeHead>({.name = "fake-head-on",
                    .stream = nullptr,
                    .chain = nullptr,
                    .key = true,
                    .full_of = "none",
                    .optimized_of = "fake-head",
                    .ordinary_of = "none"}),
    with<MaskHead>({.name = "shared-tail",
                    .stream = nullptr,
                    .chain = nullptr,
                    .full_of = "shared-tail",
                    .optimized_of = "shared-tail",
                    .ordinary_of = "none"}),
};

}  // namespace

std::string_view flow_name(Flow flow) { return flow == Flow::stream ? "stream" : "chain"; }

std::string_view LookupDesign::design_of(Kind kind) const {
  switch (kind) {
    case Kind::full: return full_of;
    case Kind::optimized: return optimized_of;
    case Kind::half: return {};
    case Kind::ordinary: return ordinary_of;
  }
  __builtin_unreachable();
}

std::span<const LookupDesign> lookup_designs() { return kDesignRows; }

const LookupDesign& lookup_design(std::string_view name) {
  const auto* const found = std::ranges::find(kDesignRows, name, &LookupDesign::name);
  HVO_CHECK(found != kDesignRows.end(), "a lookup design that is not in the table");
  return *found;
}

double time_lookups(const LookupDesign& design, Flow flow, u64 base, std::span<const u32> pfns, u64 sum, u64 n) {
  key.store(design.key, std::memory_order::relaxed);
  const LookupFn run = flow == Flow::stream ? design.stream : design.chain;
  // Once untimed: whoever ran before, on whatever memory, leaves the caches to this arm.
  bool right = run(base, pfns.data(), pfns.data() + pfns.size()) == sum;
  const Stopwatch watch;
  for (u64 left = n; left != 0;) {
    const u64 some = std::min<u64>(left, pfns.size());
    const u64 seen = run(base, pfns.data(), pfns.data() + some);
    right = right && (some != pfns.size() || seen == sum);
    left -= some;
  }
  const double ns = watch.ns();
  HVO_CHECK(right, "lookups over the mirror don't add up to what the truth says");
  return ns;
}

std::string lookup_name(const LookupDesign& design, Kind kind, Pattern pattern, Flow flow) {
  return "compound_head/" + std::string(design.name) + "/" + std::string(kind_name(kind)) + "/" +
         std::string(pattern_name(pattern)) + "/" + std::string(flow_name(flow));
}

}  // namespace hvo::bench
