// hvo-bench exploration: how fast hvo-stress explores.
#pragma once

namespace hvo::bench {

/// Its exit code. argv[0] is the command's name.
int exploration_main(int argc, char** argv);

}  // namespace hvo::bench
