// Suite: every arm there is, and what they run on.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/arm.h"
#include "bench/checked_arms.h"
#include "bench/folio_arms.h"
#include "bench/frame_arms.h"
#include "bench/frame_workloads.h"
#include "bench/lookup_arms.h"

namespace hvo::bench {

/// A pattern of lookups that exists, of a population.
struct LookupCase {
  Kind kind;
  Pattern pattern;
  Flow flow;
};
/// All of them but those over optimised hugepages, which are beside their twins over full ones.
std::vector<LookupCase> lookup_cases();

/// Makes all arms at once, and what they run on when it is told to: names cost nothing.
class Suite {
 public:
  explicit Suite(const Scale& scale);

  const Scale& scale() const { return scale_; }
  const std::vector<Arm>& arms() const { return arms_; }
  /// The arm of that name; aborts when there is none.
  const Arm& arm(std::string_view name) const;

  /// Boots the machines and maps them; call before any arm is run. Error: one line for the user, what the host lacks.
  std::expected<void, std::string> prepare();
  /// Simulated page-table walks per lookup of a pattern. After prepare().
  double walks_per_lookup(Translations t);
  /// Host mappings of the optimised population. After prepare().
  u64 nr_mappings() const { return population("fake-head", Kind::optimized).nr_mappings(); }

 private:
  struct Lookups {
    std::vector<u32> pfns;
    u64 sum = 0;
  };
  /// One that prepare() has made.
  Population& population(std::string_view design, Kind kind) const;
  Population& population(Translations t) const;
  bool has_population(std::string_view design, Kind kind) const;
  void add_lookups(const LookupDesign& design, Kind kind, Pattern pattern);
  void add_routed_lookups(Translations t);
  void add_folios();
  void add_frames();
  void add_host();

  Scale scale_;
  std::vector<Arm> arms_;
  std::vector<std::unique_ptr<Population>> populations_;
  std::unique_ptr<Folios> folios_;
  std::unique_ptr<FramePool> frames_;
};

}  // namespace hvo::bench
