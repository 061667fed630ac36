#include "stress/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace hvo::stress {

bool say(const std::string& text) { return std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0; }

int fail(int code, const std::string& why) {
  std::fputs(fmt::format("hvo-stress: {}\n", why).c_str(), stderr);
  return code;
}

bool is_colour_terminal() {
  const char* const no_colour = std::getenv("NO_COLOR");
  return isatty(STDOUT_FILENO) != 0 && (no_colour == nullptr || *no_colour == '\0');
}

}  // namespace hvo::stress
