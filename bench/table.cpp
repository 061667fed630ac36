#include "bench/table.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "program/signals.h"

namespace hvo::bench {

namespace {

/// One line for each arm, without the CPU column: an arm says itself what it timed.
class Reporter : public benchmark::BenchmarkReporter {
 public:
  explicit Reporter(std::vector<TableRow>& rows) : rows_(rows) {}

  bool ReportContext(const Context& /*context*/) override {
    fmt::print("{:<60} {:>16} {:>16}\n", "benchmark", "ns / operation", "operations");
    return true;
  }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.error_occurred) continue;
      std::string name = run.run_name.function_name;
      if (!run.aggregate_name.empty()) name += "_" + run.aggregate_name;
      const auto n = static_cast<u64>(run.iterations);
      // Of an aggregate the library has already divided.
      const double ns = run.GetAdjustedRealTime();
      fmt::print("{:<60} {:>16.2f} {:>16}\n", name, ns, n);
      std::fflush(stdout);
      rows_.push_back({std::move(name), ns, n});
    }
  }

 private:
  std::vector<TableRow>& rows_;
};

/// Any other format is the library's own, and the rows are kept on the way.
class Keeper : public benchmark::BenchmarkReporter {
 public:
  explicit Keeper(std::vector<TableRow>& rows) : rows_(rows), next_(benchmark::CreateDefaultDisplayReporter()) {}

  bool ReportContext(const Context& context) override { return next_->ReportContext(context); }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.error_occurred) continue;
      rows_.push_back({run.benchmark_name(), run.GetAdjustedRealTime(), static_cast<u64>(run.iterations)});
    }
    next_->ReportRuns(runs);
  }
  void Finalize() override { next_->Finalize(); }

 private:
  std::vector<TableRow>& rows_;
  std::unique_ptr<benchmark::BenchmarkReporter> next_;
};

}  // namespace

void register_arms(const Suite& suite) {
  for (const Arm& arm : suite.arms()) {
    benchmark::RegisterBenchmark(arm.name.c_str(), [&arm](benchmark::State& state) {
      if (is_interrupted()) return state.SkipWithError("interrupted");
      while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(arm.batch))) {
        state.SetIterationTime(arm.run(arm.batch) * 1e-9);
      }
    })->UseManualTime();
  }
}

Table run_table(bool own_format) {
  Table table;
  if (own_format) {
    Reporter reporter(table.rows);
    table.nr_matched = benchmark::RunSpecifiedBenchmarks(&reporter);
  } else {
    Keeper keeper(table.rows);
    table.nr_matched = benchmark::RunSpecifiedBenchmarks(&keeper);
  }
  return table;
}

}  // namespace hvo::bench
