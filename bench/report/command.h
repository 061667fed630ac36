// hvo-bench report: puts results together for a mail. ./hvo report measures and calls it.
#pragma once

namespace hvo::bench {

/// argv[0] is "report". Returns the exit code: 0 printed, 2 usage, 3 a file is missing or no result.
int report_main(int argc, char** argv);

}  // namespace hvo::bench
