// output: what a command says, and how it fails.
#pragma once

#include <string>

namespace hvo::stress {

/// On stdout. False when nobody takes it: a full disk, a pipe that was closed.
bool say(const std::string& text);
/// One line on stderr; returns `code`.
int fail(int code, const std::string& why);
/// stdout is a terminal that shows colours, and the user wants them (NO_COLOR).
bool is_colour_terminal();

}  // namespace hvo::stress
