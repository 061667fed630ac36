// interrupt: Ctrl-C ends the measuring, not the program: what was measured is still printed.
#pragma once

namespace hvo::bench {

/// From now on the first SIGINT or SIGTERM is noted; the next one kills.
void install_interrupt_handlers();
/// One was noted. Any thread.
bool is_interrupted();

}  // namespace hvo::bench
