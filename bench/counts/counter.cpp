#include "bench/counts/counter.h"

#include <sstream>

#include "bench/arms/loaded_kernels.h"
#include "bench/counts/perf_counters.h"
#include "core/base/check.h"
#include "program/child.h"
#include "program/temporary_folder.h"

/// The name that callgrind is told: it collects inside, and dumps when it returns.
extern "C" [[gnu::noinline]] hvo::u64 hvo_count_calls(hvo::bench::Single single, hvo::u64 page) {
  hvo::u64 sum = 0;
  for (hvo::u64 i = 0; i < hvo::bench::kCalls; ++i) sum += single(page);
  return sum;
}

namespace hvo::bench {

namespace {

/// Calls f(single, page) for the reference and then for each of counted(), the key as it is to be.
template <class F>
std::expected<void, std::string> for_each_counted(F f) {
  auto kernels = LoadedKernels::own();
  if (!kernels) return std::unexpected(kernels.error());
  static const PathPages pages;
  f(kernels->only_return(), pages.page(Path::tail));
  for (const Counted& c : counted()) {
    const Kernel* const kernel = kernels->find(c.helper, c.arm);
    HVO_CHECK(kernel != nullptr, "a counted function that there is not");
    kernels->set_key(c.key);
    f(kernel->single, pages.page(c.path));
  }
  kernels->set_key(false);
  return {};
}

std::expected<CountResult, std::string> result_of(std::string source, const std::vector<PartTotals>& parts) {
  if (parts.size() != counted().size() + 1) {
    return std::unexpected(source + " gave " + std::to_string(parts.size()) + " results, not " +
                           std::to_string(counted().size() + 1));
  }
  CountResult result{.source = std::move(source), .counts = {}};
  for (u64 i = 1; i < parts.size(); ++i) result.counts.push_back(counts_of(parts[i], parts[0]));
  return result;
}

/// Nothing when the counters did not count all of it.
std::optional<CountResult> count_by_perf(PerfCounters& counters) {
  std::vector<PartTotals> parts;
  const auto done = for_each_counted([&](Single single, u64 page) {
    counters.start();
    hvo_count_calls(single, page);
    if (const auto totals = counters.stop()) parts.push_back(*totals);
  });
  if (!done) return std::nullopt;
  auto result = result_of("perf counters", parts);
  return result ? std::optional(std::move(*result)) : std::nullopt;
}

std::expected<CountResult, std::string> count_by_callgrind(const std::filesystem::path& program) {
  const auto folder = TemporaryFolder::make("hvo-bench");
  if (!folder) return std::unexpected(folder.error());
  const std::string out = folder->file("out");
  const auto ran = run_program({"valgrind", "--quiet", "--tool=callgrind", "--smc-check=all", "--cache-sim=yes",
                                "--branch-sim=yes", "--collect-atstart=no", "--toggle-collect=hvo_count_calls",
                                "--dump-after=hvo_count_calls", "--combine-dumps=yes", "--callgrind-out-file=" + out,
                                "--log-file=/dev/null", program, "count-worker"});
  if (!ran) return std::unexpected("no perf counters on this host, and callgrind " + ran.error());
  const auto parts = parse_callgrind(text_of_file(out));
  if (!parts) return std::unexpected(parts.error());
  return result_of("callgrind", *parts);
}

}  // namespace

Counts counts_of(const PartTotals& totals, const PartTotals& reference) {
  auto per_call = [](u64 a, u64 b) { return (static_cast<double>(a) - static_cast<double>(b)) / double{kCalls}; };
  return {.instructions = per_call(totals.instructions, reference.instructions) + 1,
          .loads = per_call(totals.loads, reference.loads),
          .branches = totals.branches && reference.branches
                          ? std::optional(per_call(*totals.branches, *reference.branches))
                          : std::nullopt};
}

std::expected<std::vector<PartTotals>, std::string> parse_callgrind(const std::string& text) {
  std::vector<std::string> events;
  std::vector<PartTotals> parts;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string key;
    words >> key;
    if (key == "events:") {
      events.clear();
      for (std::string event; words >> event;) events.push_back(event);
    }
    if (key != "totals:" && key != "summary:") continue;
    PartTotals totals;
    u64 value = 0;
    for (u64 i = 0; i < events.size() && words >> value; ++i) {
      if (events[i] == "Ir") totals.instructions = value;
      if (events[i] == "Dr") totals.loads = value;
      if (events[i] == "Bc") totals.branches = value;
    }
    // Each part has both lines; the last, from the program's end, is empty.
    if (key == "totals:" && totals.instructions != 0) parts.push_back(totals);
  }
  if (parts.empty()) return std::unexpected("callgrind's file has no totals in it");
  return parts;
}

std::expected<CountResult, std::string> count_all(const std::filesystem::path& program) {
  if (auto counters = PerfCounters::open()) {
    if (auto result = count_by_perf(*counters)) return *result;
  }
  return count_by_callgrind(program);
}

int count_worker_main(int /*argc*/, char** /*argv*/) {
  const auto done = for_each_counted([](Single single, u64 page) { hvo_count_calls(single, page); });
  return done ? 0 : 3;
}

}  // namespace hvo::bench
