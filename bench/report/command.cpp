#include "bench/report/command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "bench/report/report.h"

namespace hvo::bench {

namespace {

constexpr int kUsage = 2;
constexpr int kResource = 3;

int fail(int code, const std::string& why) {
  fmt::print(stderr, "hvo-bench: {}\n", why);
  return code;
}

}  // namespace

int report_main(int argc, char** argv) {
  ReportSources sources;
  CLI::App app("One block, fit for a mail, from results that were written as JSON; ./hvo report measures them");
  app.name("hvo-bench report");
  app.footer("Exit codes: 0 printed, 2 usage, 3 a file is missing or is no result.");
  app.add_option("--stress", sources.stress_path, "of hvo-stress run --json")->required()->option_text("FILE");
  app.add_option("--compare", sources.compare_path, "of hvo-bench compare --json")->required()->option_text("FILE");
  app.add_option("--savings", sources.savings_path, "of hvo-bench savings --json")->option_text("FILE");
  app.add_option("--design", sources.design, "whose rows are shown")->required()->option_text("NAME");
  app.add_option("--against", sources.against, "a design whose lookups stand beside")->option_text("NAME");
  app.add_option("--command", sources.command, "what to type to run it again")->option_text("TEXT");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    return fail(kUsage, e.what());
  }
  const auto text = make_report(sources);
  if (!text) return fail(kResource, text.error());
  fmt::print("{}", *text);
  return 0;
}

}  // namespace hvo::bench
