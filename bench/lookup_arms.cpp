#include "bench/lookup_arms.h"

#include <algorithm>
#include <array>

#include "bench/arms/loaded_kernels.h"
#include "core/base/check.h"

namespace hvo::bench {

namespace {

constexpr LookupDesign on_none(std::string_view name, std::string_view kernel) {
  return {.name = name, .kernel = kernel, .full_of = "none", .optimized_of = {}, .ordinary_of = "none"};
}

constexpr std::array kDesignRows{
    on_none("none", "none"),
    on_none("none-again", "none-again"),
    on_none("none-branch-free", "none-branch-free"),
    // Before it is optimised a folio of two-frame is one of none.
    LookupDesign{
        .name = "two-frame", .kernel = "two-frame", .full_of = {}, .optimized_of = "two-frame", .ordinary_of = {}},
    on_none("fake-head-off", "fake-head"),
    LookupDesign{.name = "fake-head-on",
                 .kernel = "fake-head",
                 .key = true,
                 .full_of = "none",
                 .optimized_of = "fake-head",
                 .ordinary_of = "none"},
    LookupDesign{.name = "shared-tail",
                 .kernel = "shared-tail",
                 .full_of = "shared-tail",
                 .optimized_of = "shared-tail",
                 .ordinary_of = "none"},
};

const LoadedKernels& own_kernels() {
  static const auto kernels = LoadedKernels::own();
  HVO_CHECK(kernels.has_value(), "the program's kernels, which prepare() has tried");
  return *kernels;
}

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
  const LoadedKernels& kernels = own_kernels();
  const Kernel* const kernel = kernels.find("compound_head", design.kernel);
  HVO_CHECK(kernel != nullptr, "a lookup design without a kernel");
  kernels.set_key(design.key);
  auto run = [loop = flow == Flow::stream ? kernel->stream : kernel->chain, base](const u32* first, const u32* last) {
    return loop(base, first, last, nullptr);
  };
  // Once untimed: whoever ran before, on whatever memory, leaves the caches to this arm.
  bool right = run(pfns.data(), pfns.data() + pfns.size()) == sum;
  const Stopwatch watch;
  for (u64 left = n; left != 0;) {
    const u64 some = std::min<u64>(left, pfns.size());
    const u64 seen = run(pfns.data(), pfns.data() + some);
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
