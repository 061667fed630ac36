// hvo-bench operations: what whole folios cost in each design.
#pragma once

namespace hvo::bench {

/// argv[0] is "operations". Returns the exit code: 0 measured, 2 usage, 3 resource missing, 130 interrupted.
int operations_main(int argc, char** argv);

}  // namespace hvo::bench
