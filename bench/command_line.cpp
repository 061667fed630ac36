#include "bench/command_line.h"

#include <fmt/format.h>

#include "program/usage.h"

namespace hvo::bench {

int fail(int code, const std::string& why) {
  fmt::print(stderr, "hvo-bench: {}\n", why);
  return code;
}

std::optional<int> parse(CLI::App& app, int argc, char** argv) {
  app.formatter(std::make_shared<Help>());
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    return fail(kUsage, plain_words(e));
  }
  return std::nullopt;
}

std::optional<int> open_result(OutputFiles& files, const std::string& path, const std::string& content) {
  const auto opened = files.open(path, [&content] { return content; });
  if (!opened) return fail(opened.error().is_usage ? kUsage : kResource, opened.error().why);
  return std::nullopt;
}

std::optional<int> write_result(OutputFiles& files) {
  const auto failed = files.write_all();
  if (!failed.empty()) return fail(kResource, failed.front());
  return std::nullopt;
}

}  // namespace hvo::bench
