#include "bench/savings/command.h"

#include <fmt/format.h>

#include "bench/command_line.h"
#include "bench/environment.h"
#include "bench/host_memory.h"
#include "bench/savings/json.h"
#include "bench/savings/print.h"
#include "bench/savings/progress.h"
#include "bench/savings/results.h"
#include "program/signals.h"

namespace hvo::bench::savings {

namespace {

/// Builds one pool after the other, in turn.
class Builder {
 public:
  explicit Builder(const Plan& plan) : plan_(plan), progress_(1 + plan.designs.size() * plan.nr_rounds) {}

  /// Error: one line for the user.
  std::expected<Results, std::string> run() {
    // Not measured: the first to touch this much memory pays the host for it, and that would be the baseline.
    std::vector<std::vector<Built>> rounds;
    auto warm = one("warm-up", *plan_.designs.front());
    if (!warm) return std::unexpected(warm.error());
    bool goes_on = warm->has_value();
    for (u64 n = 0; goes_on && n < plan_.nr_rounds; ++n) {
      rounds.emplace_back();
      for (const Design* design : plan_.designs) {
        auto built = one(design->name, *design);
        if (!built) return std::unexpected(built.error());
        goes_on = built->has_value();
        if (!goes_on) break;
        rounds.back().push_back(**built);
      }
    }
    progress_.clear();
    Results results = summarise(plan_, rounds);
    results.is_interrupted = is_interrupted();
    return results;
  }

 private:
  std::expected<std::optional<Built>, std::string> one(std::string_view name, const Design& design) {
    progress_.next(name);
    return build(plan_, design, [&](Stage stage, u64 done, u64 of) {
      progress_(stage, done, of);
      return !is_interrupted();
    });
  }

  const Plan& plan_;
  Progress progress_;
};

int run(const Words& words, const std::string& json_path) {
  const auto plan = make_plan(words);
  if (!plan) return fail(kUsage, plan.error());
  if (const auto fits = check_fits(*plan, host_memory_available()); !fits) return fail(kResource, fits.error());
  install_interrupt_handlers();
  OutputFiles files;
  std::string content;
  if (const auto code = open_result(files, json_path, content)) return *code;
  const Facts facts = environment();
  const auto results = Builder(*plan).run();
  if (!results) return fail(kResource, results.error());
  const std::string command = command_of(*plan);
  if (const std::string why = why_times_mean_nothing(); !why.empty()) fmt::print("Times mean nothing: {}\n", why);
  content = to_json(*results, facts, command);
  const auto unwritten = write_result(files);
  fmt::print("{}", text_of(*results, facts, command));
  if (unwritten) return *unwritten;
  if (results->nr_violations() != 0) return kViolation;
  return results->is_interrupted ? kInterrupted : 0;
}

}  // namespace

int savings_main(int argc, char** argv) {
  Words words;
  std::string json;
  CLI::App app("hvo-bench savings: builds a pool of hugepages under each design, and measures what it costs and saves");
  app.footer(
      "Sizes: 64GiB, 1TiB, 512M. A pool of 1 TiB takes 17 GiB of this host for a while.\n"
      "Ctrl-C: what was built until then is printed and written.\n" +
      std::string(kExitCodes));
  app.add_option("--memory", words.memory, "hugepages to build, in all (default 64GiB)")->type_name("SIZE");
  app.add_option("--hugepage", words.hugepage, "their size: 2M or 1G (default 2M)")->type_name("SIZE");
  app.add_option("--design", words.designs,
                 "a generation of HVO, or a kernel version such as 6.12; repeatable (default: all)")
      ->type_name("NAME")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--rounds", words.rounds, "build each so often, in turn; medians are shown (default 1)")
      ->type_name("N");
  app.add_option("--json", json, "also write the results to this file")->type_name("FILE");
  if (const auto code = parse(app, argc, argv)) return *code;
  return run(words, json);
}

}  // namespace hvo::bench::savings
