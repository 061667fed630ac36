// hvo-bench compare: what a lookup costs in each design.
#pragma once

namespace hvo::bench {

/// argv[0] is "compare". Returns the exit code: 0 told, 2 usage, 3 resource missing, 7 cannot tell, 130 interrupted.
int compare_main(int argc, char** argv);

/// One process of it: prints one line of JSON. argv[0] is "compare-worker".
int compare_worker_main(int argc, char** argv);

}  // namespace hvo::bench
