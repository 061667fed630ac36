#include "bench/compare/driver.h"

#include <fmt/format.h>

#include <algorithm>

#include "bench/compare/schedule.h"
#include "core/base/rng.h"
#include "program/child.h"
#include "program/signals.h"

namespace hvo::bench {

namespace {

/// The quick one has few cases, so it can afford more.
constexpr unsigned kRepetitions = 5;
constexpr unsigned kQuickRepetitions = 11;

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
  // Dealt out for each design and extent apart.
  std::vector<Placements> all;
  std::vector<Placements> quick;
  for (u64 i = 0; i < plan.designs.size(); ++i) {
    all.emplace_back(plan.placements, plan.seed, i);
    quick.emplace_back(plan.placements, plan.seed, plan.designs.size() + i);
  }
  CompareSchedule schedule(plan.extent, plan.budget);
  u64 nr_jobs = 0;
  while (const auto extent = schedule.next()) {
    std::vector<Placements>& placements = *extent == Extent::quick ? quick : all;
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
