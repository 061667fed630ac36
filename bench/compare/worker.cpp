#include "bench/compare/worker.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <memory>

#include "bench/arms/loaded_kernels.h"
#include "bench/stats.h"
#include "core/base/rng.h"

namespace hvo::bench {

namespace {

constexpr u64 kQuickHugepages = 64;

u64 nr_hugepages_for(Extent extent, const Caches& caches) {
  if (extent == Extent::quick) return kQuickHugepages;
  // Enough for the pattern that goes beyond the last cache, and few enough for the host's limit on mappings: an
  // optimised hugepage takes 8, a population of which half are optimised 5.
  return caches.l3 * 5 / 2 >> 15;
}

/// How a case is run: a pattern of `nr_slices` slices of `slice` pfns; each repetition takes the next slice, `passes`
/// times over. About a millisecond.
struct Effort {
  enum class Warm : u8 {
    slice,  ///< what is timed is run once before: whoever ran last, on whatever memory, leaves the caches to this cell
    pattern,  ///< all of the pattern, so that it is as near as it can be
    cold,     ///< none of it: flushed (x86-64), and more memory read than the last cache is taken to hold
  };
  u64 slice;
  u64 nr_slices;
  u64 passes;
  Warm warm = Warm::slice;
};
Effort effort_of(const Case& c, const Caches& caches) {
  const bool chain = c.follow == Follow::chain;
  if (c.follow == Follow::pressure) return {1 << 11, 1, 4};
  switch (c.walk) {
    case Walk::hot_head:
    case Walk::hot_tail:
    case Walk::random_l1: return {1 << 11, 1, chain ? u64{64} : u64{256}};
    case Walk::random_l2: return {1 << 14, 1, chain ? u64{4} : u64{16}};
    case Walk::heads:
    case Walk::page_aligned:
    case Walk::sequential: return {1 << 15, 1, chain ? u64{1} : u64{4}};
    case Walk::random_l3: return {1 << 15, std::max<u64>(1, caches.l3 / 2 >> 21), 1, Effort::Warm::pattern};
    case Walk::random_memory: return {1 << 14, 64, 1, Effort::Warm::cold};
  }
  return {1 << 11, 1, 256};
}

/// Out of every cache, where the processor has an instruction for that.
void flush_line([[maybe_unused]] u64 address) {
#if defined(__x86_64__)
  __builtin_ia32_clflush(reinterpret_cast<const void*>(address));
#endif
}

/// Keeps the runs that Google Benchmark reports.
class Collector : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& /*context*/) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.error_occurred) error_ = run.run_name.function_name + ": " + run.error_message;
      if (run.run_type != Run::RT_Iteration || run.error_occurred) continue;
      seconds_[run.run_name.function_name].push_back(run.cpu_accumulated_time / static_cast<double>(run.iterations));
    }
  }
  const std::string& error() const { return error_; }
  /// Nanoseconds of one iteration, the median of all repetitions.
  double median_ns(const std::string& name) const { return quantile(seconds_.at(name), 0.5) * 1e9; }

 private:
  std::map<std::string, std::vector<double>> seconds_;
  std::string error_;
};

class Worker {
 public:
  Worker(const Job& job, const LoadedKernels& kernels)
      : job_(job),
        kernels_(kernels),
        rng_(Rng::seeded(job.seed)),
        caches_(host_caches()),
        pressure_(kPressureBytes / sizeof(u64)) {
    again_first_ = rng_.one_in(2);
  }

  std::expected<Measured, std::string> run() {
    Measured measured{.job = job_,
                      .compiler = std::string(kernels_.compiler()),
                      .flags = std::string(kernels_.flags()),
                      .key = std::string(kernels_.key_kind()),
                      .not_huge = {},
                      .ns = {}};
    if (auto huge = ground({.design = "none", .kind = Kind::full, .blocks = Blocks::huge}); !huge) {
      measured.not_huge = huge.error();
    }
    std::vector<Case> cases = cases_of(job_.extent);
    for (std::size_t i = cases.size(); i > 1; --i) std::swap(cases[i - 1], cases[rng_.below(i)]);
    for (const Case& c : cases) {
      const auto cells = cells_of(c, job_.design, measured.not_huge.empty(), again_first_, job_.plant);
      if (auto timed = time_case(c, cells, measured); !timed) return std::unexpected(timed.error());
    }
    return measured;
  }

 private:
  /// A pattern over a population; several cells may share one.
  struct Lookups {
    const Population* population;
    Walk walk;
    u64 length;
    std::vector<u32> pfns;
  };
  struct Prepared {
    Loop loop;
    Loop warm;
    u64 base;
    std::span<const u32> pfns;
    Effort effort;
    u64 looked_up;          ///< of a slice; more than it reports when planted
    std::vector<u64> sums;  ///< of the answers of each slice
    bool key;
    u64 next = 0;  ///< slice
  };

  /// The population, made when it is first asked for.
  std::expected<Population*, std::string> ground(const Ground& wanted) {
    for (const auto& [ground, population] : grounds_) {
      if (ground == wanted) return population.get();
    }
    auto made = Population::make(*find_design(wanted.design), wanted.kind, nr_hugepages_for(job_.extent, caches_),
                                 wanted.blocks);
    if (!made) return std::unexpected(made.error());
    grounds_.emplace_back(wanted, std::move(*made));
    return grounds_.back().second.get();
  }

  std::span<const u32> lookups(const Population& population, Walk walk, u64 length) {
    for (const auto& known : lookups_) {
      if (known->population == &population && known->walk == walk && known->length == length) return known->pfns;
    }
    lookups_.push_back(
        std::make_unique<Lookups>(Lookups{&population, walk, length, pfns_of(population, walk, length)}));
    return lookups_.back()->pfns;
  }

  std::vector<u32> pfns_of(const Population& population, Walk walk, u64 length) const {
    switch (walk) {
      case Walk::hot_head: return population.pfns(Pattern::hot_head, length);
      case Walk::hot_tail: return population.pfns(Pattern::hot_tail, length);
      case Walk::heads: return population.pfns(Pattern::heads, length);
      case Walk::page_aligned: return population.pfns(Pattern::page_aligned, length);
      case Walk::sequential: return population.pfns(Pattern::sequential, length);
      case Walk::random_l1: return population.working_set(caches_.l1 / 2, length);
      case Walk::random_l2: return population.working_set(caches_.l2 / 2, length);
      case Walk::random_l3: return population.working_set(caches_.l3 / 2, length);
      case Walk::random_memory: return population.working_set(caches_.l3 * 5 / 2, length);
    }
    return {};
  }

  static u64 answers(Population& population, std::string_view helper, std::span<const u32> pfns) {
    if (helper == "compound_head") return population.sum_of_heads(pfns);
    if (helper == "page_ref_add_unless") return pfns.size();
    const u64 heads = population.nr_heads(pfns);
    if (helper == "PageHead") return heads;
    return population.kind() == Kind::ordinary ? 0 : pfns.size() - heads;
  }

  std::expected<Prepared, std::string> prepare(const Case& c, const Cell& cell) {
    auto population = ground(cell.ground);
    if (!population) return std::unexpected(population.error());
    const Kernel* const kernel = kernels_.find(c.helper, cell.kernel);
    if (kernel == nullptr)
      return std::unexpected("no kernel " + std::string(c.helper) + " " + std::string(cell.kernel));
    const Effort effort = effort_of(c, caches_);
    const auto more = static_cast<u64>(std::lround(static_cast<double>(effort.slice) * (kPlantedFactor - 1)));
    Prepared prepared{.loop = loop_of(*kernel, c.follow),
                      .warm = kernel->stream,
                      .base = (*population)->base(),
                      .pfns = lookups(**population, c.walk, effort.slice * effort.nr_slices + more),
                      .effort = effort,
                      .looked_up = effort.slice + (cell.name.starts_with("planted@") ? more : 0),
                      .sums = {},
                      .key = cell.key};
    for (u64 i = 0; i < effort.nr_slices; ++i) {
      prepared.sums.push_back(
          answers(**population, c.helper, prepared.pfns.subspan(i * effort.slice, prepared.looked_up)));
    }
    return prepared;
  }

  static Loop loop_of(const Kernel& kernel, Follow follow) {
    switch (follow) {
      case Follow::stream: return kernel.stream;
      case Follow::chain: return kernel.chain;
      case Follow::pressure: return kernel.pressure;
    }
    return nullptr;
  }

  /// Takes the struct pages of these lookups, and of their heads, out of the caches, and reads a quarter more than the
  /// last cache holds.
  void make_cold(u64 base, std::span<const u32> pfns) {
    for (const u32 pfn : pfns) {
      for (const u64 page : {u64{pfn}, align_down(u64{pfn}, Population::kHuge.nr_pages())}) {
        // A page and, of a pair, the other: fake heads are known by the page behind them.
        flush_line(base + (page << kStructPageShift));
        flush_line(base + ((page | 1) << kStructPageShift));
      }
    }
    if (evicting_.empty()) evicting_.assign(caches_.l3 * 5 / 4 / sizeof(u64), 1);
    u64 sum = 0;
    for (u64 i = 0; i < evicting_.size(); i += 8) sum += evicting_[i];
    benchmark::DoNotOptimize(sum);
  }

  void time_cell(benchmark::State& state, Prepared& p) {
    if (key_ != p.key) kernels_.set_key(key_ = p.key);
    const u64 slice = p.next++ % p.effort.nr_slices;
    const u32* const first = p.pfns.data() + slice * p.effort.slice;
    const u32* const last = first + p.looked_up;
    const u64 sum = p.sums[slice];
    bool right = true;
    if (p.effort.warm == Effort::Warm::slice) right = p.loop(p.base, first, last, pressure_.data()) == sum;
    if (p.effort.warm == Effort::Warm::pattern) {
      benchmark::DoNotOptimize(p.warm(p.base, p.pfns.data(), p.pfns.data() + p.pfns.size(), nullptr));
    }
    if (p.effort.warm == Effort::Warm::cold) make_cold(p.base, {first, last});
    for ([[maybe_unused]] auto _ : state) right = p.loop(p.base, first, last, pressure_.data()) == sum && right;
    if (!right) state.SkipWithError("the answers don't add up to what the truth says");
  }

  std::expected<void, std::string> time_case(const Case& c, const std::vector<Cell>& cells, Measured& measured) {
    std::vector<Prepared> prepared;
    for (const Cell& cell : cells) {
      auto p = prepare(c, cell);
      if (!p) return std::unexpected(p.error());
      prepared.push_back(std::move(*p));
    }
    const Effort effort = effort_of(c, caches_);
    benchmark::ClearRegisteredBenchmarks();
    for (std::size_t i = 0; i < cells.size(); ++i) {
      benchmark::RegisterBenchmark(cells[i].name.c_str(),
                                   [this, &p = prepared[i]](benchmark::State& state) { time_cell(state, p); })
          ->Iterations(static_cast<benchmark::IterationCount>(effort.passes))
          ->Repetitions(static_cast<int>(job_.repetitions));
    }
    Collector collector;
    benchmark::RunSpecifiedBenchmarks(&collector);
    if (!collector.error().empty()) return std::unexpected(c.name() + ": " + collector.error());
    for (std::size_t i = 0; i < cells.size(); ++i) {
      measured.ns[cell_key(c.name(), cells[i].name)] =
          collector.median_ns(cells[i].name) / static_cast<double>(effort.slice);
    }
    return {};
  }

  const Job& job_;
  LoadedKernels kernels_;
  Rng rng_;
  Caches caches_;
  std::vector<u64> pressure_;
  std::vector<u64> evicting_;
  std::vector<std::pair<Ground, std::unique_ptr<Population>>> grounds_;
  std::vector<std::unique_ptr<Lookups>> lookups_;
  bool again_first_ = false;
  bool key_ = false;
};

void initialise_library() {
  std::array<char, 10> name{"hvo-bench"};
  std::array<char, 45> interleave{"--benchmark_enable_random_interleaving=true"};
  std::array<char*, 3> argv{name.data(), interleave.data(), nullptr};
  int argc = 2;
  benchmark::Initialize(&argc, argv.data());
}

}  // namespace

std::string cell_key(const std::string& case_name, const std::string& cell_name) { return case_name + "|" + cell_name; }

std::expected<Measured, std::string> run_job(const Job& job) {
  auto kernels = job.placement.empty() ? LoadedKernels::own() : LoadedKernels::load(job.placement);
  if (!kernels) return std::unexpected(kernels.error());
  initialise_library();
  auto measured = Worker(job, *kernels).run();
  if (measured) measured->job.placement = std::filesystem::path(job.placement).stem();
  return measured;
}

}  // namespace hvo::bench
