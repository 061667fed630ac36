// What the commands of hvo-bench have in common at the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "program/exit_codes.h"

namespace hvo::bench {

/// Says why on stderr, in one line; returns the code.
int fail(int code, const std::string& why);

/// Parses, with hvolab's help and words. The exit code when the program is to end at once: help was asked for, or the
/// line is wrong, which has been said.
std::optional<int> parse(CLI::App& app, int argc, char** argv);

}  // namespace hvo::bench
