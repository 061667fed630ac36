#include "bench/counts/command.h"

#include <fmt/format.h>

#include "bench/arms/loaded_kernels.h"
#include "bench/command_line.h"
#include "bench/counts/disassembly.h"
#include "program/child.h"

namespace hvo::bench {

namespace {

std::string counts_text(const Counts& n) {
  return fmt::format("{:.0f}, {:.0f}, {}", n.instructions, n.loads,
                     n.branches ? fmt::format("{:.0f}", *n.branches) : "-");
}

int print_disassembly() {
  const auto kernels = LoadedKernels::own();
  if (!kernels) return fail(kResource, kernels.error());
  fmt::print("\nThe functions themselves, as {} built them ({}), jumps as linked: key on\n", kernels->compiler(),
             kernels->flags());
  for (const Kernel& kernel : kernels->all()) {
    const auto text = disassemble(kernel.single);
    if (!text) return fail(kResource, text.error());
    fmt::print("\n{} {} ({})\n", kernel.helper, kernel.arm, text->shape());
    for (const std::string& line : text->lines) fmt::print("    {}\n", line);
  }
  return 0;
}

}  // namespace

void print_counts(std::FILE* out, const CountResult& result) {
  fmt::print(out, "\nOne call, counted by {}: instructions, loads, conditional branches\n", result.source);
  fmt::print(out, "{:<14} {:<14} {:<23} {:<3} {:>8}  kernel\n", "helper", "arm", "path", "key", "here");
  for (u64 i = 0; i < result.counts.size(); ++i) {
    const Counted& c = counted()[i];
    const Counts& n = result.counts[i];
    fmt::print(out, "{:<14} {:<14} {:<23} {:<3} {:>8}  {}\n", c.helper, c.arm, path_name(c.path), c.key ? "on" : "off",
               counts_text(n), c.kernel ? counts_text(*c.kernel) : "-");
  }
  fmt::print(out, "kernel: Debian's 6.1 and 6.12, gcc-12, read from their code\n");
}

int counts_main(int argc, char** argv) {
  bool disassembly = false;
  CLI::App app("How many instructions, loads and branches one lookup takes, on each path");
  app.name("hvo-bench counts");
  app.footer("Without perf counters callgrind counts; without it too, that is a missing resource.\n" +
             std::string(kExitCodes));
  app.add_flag("--disassemble", disassembly, "also the functions themselves, and whether they branch or move");
  if (const auto code = parse(app, argc, argv)) return *code;
  const auto result = count_all(own_program());
  if (!result) return fail(kResource, result.error());
  print_counts(stdout, *result);
  return disassembly ? print_disassembly() : 0;
}

}  // namespace hvo::bench
