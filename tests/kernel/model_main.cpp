// hvo-kernel-model: what a machine shows at each step of a trace.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>

#include "tests/kernel/model_run.h"

namespace {

int run(const std::string& design, const std::string& file, hvo::u64 pages, bool check_only) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  const auto trace = hvo::kernel::parse_trace(text.str());
  if (!in || !trace) {
    std::cerr << (trace ? "can't read it" : trace.error()) << '\n';
    return 2;
  }
  if (check_only) return 0;
  const auto print = [](const std::string& line) { std::cout << line << '\n'; };
  const auto model = hvo::kernel::ModelRun::create(*hvo::find_design(design), pages, print);
  if (!model) {
    std::cerr << "hvo-kernel-model: " << model.error() << '\n';
    return 3;
  }
  return (*model)->play(*trace) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Plays a trace on a simulated machine, and prints what the guest of ./hvo kernel prints.");
  std::string design = "fake-head";
  std::string trace;
  hvo::u64 pages = hvo::u64{3} << 19;
  app.add_option("--design", design, "the design of the kernel")->check([](const std::string& name) {
    return hvo::find_design(name) != nullptr ? std::string() : "unknown design '" + name + "'";
  });
  app.add_option("--pages", pages, "the guest's pages of memory, from pfn 0 on")->check(CLI::Range(1U << 18, 1U << 24));
  bool check_only = false;
  app.add_flag("--check", check_only, "only look whether each line is a step");
  app.add_option("trace", trace, "steps, with what the guest got")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  return run(design, trace, pages, check_only);
}
