#include "bench/compare/driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/base/rng.h"
#include "program/child.h"
#include "program/signals.h"

namespace hvo::bench {

namespace {

using Clock = std::chrono::steady_clock;
/// The quick one has few cases, so it can afford more.
constexpr unsigned kRepetitions = 5;
constexpr unsigned kQuickRepetitions = 11;

using Seconds = std::chrono::duration<double>;

/// Deals the placements out: each once before any comes again, in a new order each time, for each design apart.
class Placements {
 public:
  Placements(const std::vector<std::string>& all, u64 seed, u64 stream) : all_(all), rng_(Rng::seeded(seed, stream)) {}
  std::string next() {
    if (all_.empty()) return {};
    if (left_.empty()) {
      left_ = all_;
      for (std::size_t i = left_.size(); i > 1; --i) std::swap(left_[i - 1], left_[rng_.below(i)]);
    }
    std::string placement = std::move(left_.back());
    left_.pop_back();
    return placement;
  }

 private:
  const std::vector<std::string>& all_;
  Rng rng_;
  std::vector<std::string> left_;
};

/// What the next round over all designs measures, by how long those before took. A process of all cases takes seconds,
/// one of the headline's a fraction: a quarter of the time gives these the many processes that a narrow interval needs.
class Schedule {
 public:
  explicit Schedule(const Plan& plan) : plan_(plan) {}

  Seconds passed() const { return Clock::now() - start_; }
  bool has_enough() const { return of(plan_.extent).nr_rounds >= kFewestProcesses; }
  /// Nothing: the budget would be passed.
  std::optional<Extent> next() {
    begin_ = Clock::now();
    const Seconds now = passed();
    const bool is_behind = of(Extent::quick).spent < kHeadlineShare * now && of(Extent::all).nr_rounds != 0;
    const Extent wanted = is_behind ? Extent::quick : plan_.extent;
    if (!has_enough() || now + of(wanted).longest <= plan_.budget) return wanted;
    const Kind& quick = of(Extent::quick);
    if (quick.nr_rounds != 0 && now + quick.longest <= plan_.budget) return Extent::quick;
    return std::nullopt;
  }
  void done(Extent extent) {
    Kind& kind = of(extent);
    const Seconds took = Clock::now() - begin_;
    ++kind.nr_rounds;
    kind.spent += took;
    kind.longest = std::max(kind.longest, took);
  }

 private:
  static constexpr double kHeadlineShare = 0.25;
  struct Kind {
    u64 nr_rounds = 0;
    Seconds spent{0};
    Seconds longest{0};
  };
  const Kind& of(Extent extent) const { return extent == Extent::quick ? quick_ : all_; }
  Kind& of(Extent extent) { return extent == Extent::quick ? quick_ : all_; }

  const Plan& plan_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point begin_ = start_;
  Kind quick_, all_;
};

}  // namespace

std::vector<std::string> worker_arguments(const Job& job) {
  return {"compare-worker",
          job.design,
          job.placement,
          std::to_string(job.seed),
          job.extent == Extent::quick ? "quick" : "all",
          job.plant ? "planted" : "plain",
          std::to_string(job.repetitions)};
}

std::expected<Job, std::string> job_from(const std::vector<std::string>& arguments) {
  if (arguments.size() != 7) return std::unexpected("compare-worker is for hvo-bench compare alone");
  try {
    return Job{.design = arguments[1],
               .placement = arguments[2],
               .seed = std::stoull(arguments[3]),
               .extent = arguments[4] == "quick" ? Extent::quick : Extent::all,
               .plant = arguments[5] == "planted",
               .repetitions = static_cast<unsigned>(std::stoul(arguments[6]))};
  } catch (const std::exception&) {
    return std::unexpected("compare-worker was given something that is no number");
  }
}

std::vector<std::string> placements_in(const std::filesystem::path& folder) {
  std::error_code error;
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".so") found.push_back(entry.path());
  }
  std::ranges::sort(found);
  return found;
}

std::vector<std::string> find_placements() {
  const std::filesystem::path folder = own_program().parent_path();
  const std::vector<std::string> beside = placements_in(folder / "kernels");
  return beside.empty() ? placements_in(folder.parent_path() / "lib" / "hvolab" / "kernels") : beside;
}

std::expected<Recording, std::string> run_plan(const Plan& plan, const CompareProgress& progress) {
  Recording recording{
      .facts = environment(), .extent = plan.extent, .seed = plan.seed, .processes = {}, .is_partial = false};
  std::vector<Placements> placements;
  placements.reserve(plan.designs.size());
  for (u64 i = 0; i < plan.designs.size(); ++i) placements.emplace_back(plan.placements, plan.seed, i);
  Schedule schedule(plan);
  u64 nr_jobs = 0;
  while (const auto extent = schedule.next()) {
    for (u64 i = 0; i < plan.designs.size(); ++i) {
      if (progress) progress(recording.processes.size(), schedule.passed());
      const Job job{.design = plan.designs[i],
                    .placement = placements[i].next(),
                    .seed = Rng::seeded(plan.seed, nr_jobs++).next(),
                    .extent = *extent,
                    .plant = plan.plant,
                    .repetitions = *extent == Extent::quick ? kQuickRepetitions : kRepetitions};
      auto line = run_self(worker_arguments(job));
      // The child has ended with us.
      if (is_interrupted()) {
        recording.is_partial = true;
        return recording;
      }
      if (!line) {
        // What there is may be enough, and is not lost.
        if (!schedule.has_enough()) return std::unexpected(line.error());
        fmt::print(stderr, "hvo-bench: {}; what was measured before stands\n", line.error());
        recording.is_partial = true;
        return recording;
      }
      auto measured = from_line(*line);
      if (!measured) return std::unexpected(measured.error());
      recording.processes.push_back(std::move(*measured));
    }
    schedule.done(*extent);
  }
  return recording;
}

}  // namespace hvo::bench
