#include "bench/report/command.h"

#include <fmt/format.h>

#include "bench/command_line.h"
#include "bench/report/report.h"

namespace hvo::bench {

int report_main(int argc, char** argv) {
  ReportSources sources;
  CLI::App app("One block, fit for a mail, from results that were written as JSON; ./hvo report measures them");
  app.name("hvo-bench report");
  app.footer(kExitCodes);
  app.add_option("--stress", sources.stress_path, "of hvo-stress run --json")->required()->type_name("FILE");
  app.add_option("--explored", sources.explored_paths, "of hvo-stress explore --json; may be given more than once")
      ->type_name("FILE")
      ->allow_extra_args(false);
  app.add_option("--compare", sources.compare_path, "of hvo-bench compare --json")->required()->type_name("FILE");
  app.add_option("--savings", sources.savings_path, "of hvo-bench savings --json")->type_name("FILE");
  app.add_option("--design", sources.design, "whose rows are shown")->required()->type_name("NAME");
  app.add_option("--against", sources.against, "a design whose lookups stand beside")->type_name("NAME");
  app.add_option("--command", sources.command, "what to type to run it again")->type_name("TEXT");
  if (const auto code = parse(app, argc, argv)) return *code;
  const auto text = make_report(sources);
  if (!text) return fail(kResource, text.error());
  fmt::print("{}", *text);
  return 0;
}

}  // namespace hvo::bench
