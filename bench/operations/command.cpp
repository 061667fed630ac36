#include "bench/operations/command.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "bench/command_line.h"
#include "bench/environment.h"
#include "bench/operations/operations.h"
#include "program/progress_line.h"
#include "program/signals.h"

namespace hvo::bench {

namespace {

/// All operations, each compared over all designs.
std::vector<Samples> measure(const OperationBench& bench, unsigned nr_rounds) {
  std::vector<Samples> all;
  ProgressLine line("hvo-bench");
  for (const Operation operation : kOperations) {
    std::vector<const Arm*> arms;
    for (const Arm& arm : bench.arms()) {
      if (arm.name.starts_with(std::string(operation_name(operation)) + "/")) arms.push_back(&arm);
    }
    line.show(fmt::format("{} of {} operations", all.size(), kOperations.size()));
    all.push_back(run_rounds(arms, nr_rounds));
    if (is_interrupted()) break;
  }
  return all;
}

std::string time_text(double ns) {
  if (ns >= 1e6) return fmt::format("{:.1f} ms", ns / 1e6);
  return ns >= 1e4 ? fmt::format("{:.0f} us", ns / 1e3) : fmt::format("{:.2f} us", ns / 1e3);
}

/// "fake-head-acquire" in two lines, cut behind its last dash.
std::string_view half_name(std::string_view name, bool first) {
  const auto cut = name.rfind('-') + 1;
  return first ? name.substr(0, cut) : name.substr(cut);
}
constexpr int kColumn = 11;
void print_head(bool first) {
  fmt::print("{:<23}{:>9}", "", first ? "" : "none");
  for (const Design& design : kDesigns) {
    if (design.optimizes()) fmt::print("{:>{}}", half_name(design.name, first), kColumn);
  }
  fmt::print("\n");
}

void print_table(const std::vector<Samples>& all) {
  fmt::print("Whole folios on the software machine: time of `none`, ratios to it\n\n");
  print_head(true);
  print_head(false);
  for (u64 i = 0; i < all.size(); ++i) {
    const Operation operation = kOperations[i];
    const bool ratios = has_baseline(operation);
    fmt::print("{:<23}{:>9}", operation_name(operation),
               ratios ? time_text(spread_of(all[i].of(operation_arm(operation, "none"))).median) : "");
    for (const Design& design : kDesigns) {
      if (!design.optimizes()) continue;
      const std::string arm = operation_arm(operation, design.name);
      const std::string text = ratios
                                   ? fmt::format("{:.2f}", all[i].ratio(arm, operation_arm(operation, "none")).median)
                                   : time_text(spread_of(all[i].of(arm)).median);
      fmt::print("{:>{}}", text, kColumn);
    }
    fmt::print("\n");
  }
}

void print_published(const std::vector<Samples>& all) {
  fmt::print("\nBeside what kernel developers published (their machines, whole kernels)\n\n");
  fmt::print("{:<30} {:<15} {:>7} {:>7}\n", "", "design then", "kernel", "here");
  for (const Published& p : published_ratios()) {
    const auto i = static_cast<std::size_t>(p.operation);
    if (i >= all.size()) continue;
    const Spread here = all[i].ratio(operation_arm(p.operation, p.design), operation_arm(p.operation, "none"));
    fmt::print("{:<30} {:<15} {:>7.2f} {:>7.2f}\n", p.what, p.design, p.ratio, here.median);
  }
  fmt::print(
      "Kernel: cover letters of the first series (v15, 2021) and of the batching\n"
      "series (v8, 2023). There most of the cost of one by one is interrupting\n"
      "hundreds of CPUs at each flush; here the others are idle and are not.\n");
}

nlohmann::ordered_json to_json(const std::vector<Samples>& all, const Facts& facts) {
  nlohmann::ordered_json json;
  for (const auto& [name, value] : facts) json["environment"][name] = value;
  json["operations"] = nlohmann::ordered_json::array();
  for (u64 i = 0; i < all.size(); ++i) {
    for (u64 k = 0; k < all[i].arms.size(); ++k) {
      const std::string& name = all[i].arms[k]->name;
      const Spread ns = spread_of(all[i].ns[k]);
      nlohmann::ordered_json row{{"operation", operation_name(kOperations[i])},
                                 {"design", name.substr(name.rfind('/') + 1)},
                                 {"ns", {{"lower", ns.lower}, {"median", ns.median}, {"upper", ns.upper}}}};
      if (has_baseline(kOperations[i])) {
        const Spread ratio = all[i].ratio(name, operation_arm(kOperations[i], "none"));
        row["to_none"] = {{"lower", ratio.lower}, {"median", ratio.median}, {"upper", ratio.upper}};
      }
      json["operations"].push_back(row);
    }
  }
  return json;
}

}  // namespace

int operations_main(int argc, char** argv) {
  bool quick = false;
  u64 rounds = 15;
  std::string path;
  CLI::App app("What allocating, freeing, optimising, restoring, splitting and demoting cost in each design");
  app.name("hvo-bench operations");
  app.footer("Ctrl-C: what was measured is printed and written.\n" + std::string(kExitCodes));
  app.add_flag("--quick", quick, "few folios and rounds: seconds, and no claim to precision");
  app.add_option("--rounds", rounds, "rounds that visit every design in turn (default 15)")->type_name("N");
  app.add_option("--json", path, "also write medians and quartiles to this file")->type_name("FILE");
  if (const auto code = parse(app, argc, argv)) return *code;
  if (rounds < 3 || rounds > 1001) return fail(kUsage, "--rounds must be 3 to 1001");
  install_interrupt_handlers();
  OutputFiles files;
  std::string content;
  if (const auto code = open_result(files, path, content)) return *code;
  const u32 nr_cpus = std::max(1U, std::min(std::thread::hardware_concurrency(), 16U));
  auto bench = OperationBench::make(quick ? 16 : 256, nr_cpus);
  if (!bench) return fail(kResource, bench.error());
  if (const std::string why = why_times_mean_nothing(); !why.empty()) fmt::print("Times mean nothing: {}\n", why);
  const auto all = measure(**bench, quick ? 3 : static_cast<unsigned>(rounds));
  content = to_json(all, environment()).dump(2) + "\n";
  const auto unwritten = write_result(files);
  print_table(all);
  print_published(all);
  if (unwritten) return *unwritten;
  return is_interrupted() ? kInterrupted : 0;
}

}  // namespace hvo::bench
