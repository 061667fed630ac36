// The race of a pfn walker with one optimise: on CPU 0 a page in use is freed, becomes a tail of a hugepage, which is
// optimised and handed out; on CPU 1 a walker tries to take a reference on that page. Every schedule up to a number of
// preemptions, in the tiny geometry.
//
// The hole of a design: the walker stores to a tail that is mapped read-only, and traps.
#pragma once

#include <memory>
#include <string_view>

#include "core/machine/machine.h"
#include "tests/litmus/explorer.h"

namespace hvo {

/// What the walker looks at, and how. The page is the first of a vmemmap page, the kind that can become a fake head,
/// unless said otherwise.
enum class Walker : u8 {
  unfiltered,  ///< get_page_unless_zero() at once
  filtered,    ///< first it sees that the page is no tail and has a count
  inner,       ///< unfiltered, on a page in the middle of a vmemmap page
};
inline constexpr std::array kWalkers{Walker::unfiltered, Walker::filtered, Walker::inner};

constexpr std::string_view walker_name(Walker w) {
  switch (w) {
    case Walker::unfiltered: return "unfiltered";
    case Walker::filtered: return "filtered";
    case Walker::inner: return "inner";
  }
  return "?";
}

struct WalkerRaceConfig {
  const Design* design = nullptr;
  Walker walker{};
  FlushBy flush_by = FlushBy::ipi;
  bool ll_sc = false;
};

/// What a pass over all schedules within a bound has found.
struct WalkerRaceResult {
  u64 nr_schedules = 0;        ///< those that differ (footprints.h)
  u64 nr_met = 0;              ///< of these, in how many the page became a tail
  u64 nr_trapped = 0;          ///< and in how many the walker stored to a read-only tail
  u64 nr_other = 0;            ///< violations of any other kind, and deadlocks
  u32 least = 0;               ///< preemptions that a trap needs, if there was one
  std::vector<u32> witness{};  ///< the picks of the first schedule that trapped with that many
};

class WalkerRace {
 public:
  explicit WalkerRace(const WalkerRaceConfig& config);
  WalkerRace(const WalkerRace&) = delete;
  WalkerRace& operator=(const WalkerRace&) = delete;

  /// Every schedule with at most so many preemptions. `reduced`: without those that differ in nothing.
  WalkerRaceResult explore(u32 preemptions, bool reduced = true);
  /// One schedule again, all that the CPUs do recorded.
  std::vector<Moment> replay(const std::vector<u32>& picks);

  Machine& machine() { return *machine_; }
  Pfn page() const { return page_; }
  /// The folio that the page becomes a tail of.
  Pfn folio() const { return {0}; }
  Order order() const;

 private:
  /// Takes the block of the folio page by page, and gives all but the walker's page back.
  void use_page();
  Explorer::Bodies bodies();
  void add(const DepthFirstSchedule& schedule, const FiberEngine::Result& result, WalkerRaceResult& all) const;
  void recycle(Cpu& cpu);
  void walk(Cpu& cpu);

  WalkerRaceConfig config_;
  std::unique_ptr<Machine> machine_;
  Pfn page_;
  std::unique_ptr<Explorer> explorer_;
  bool has_met_ = false;
};

}  // namespace hvo
