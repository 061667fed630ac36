// hvo-bench without a command: Google Benchmark's table of every arm, and the summary.
#pragma once

namespace hvo::bench {

/// Returns the exit code.
int suite_main(int argc, char** argv);

}  // namespace hvo::bench
