// What the commands of hvo-bench have in common at the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "program/exit_codes.h"
#include "program/output_files.h"

namespace hvo::bench {

/// Says why on stderr, in one line; returns the code.
int fail(int code, const std::string& why);

/// Parses, with hvolab's help and words. The exit code when the program is to end at once: help was asked for, or the
/// line is wrong, which has been said.
std::optional<int> parse(CLI::App& app, int argc, char** argv);

/// Makes sure that the file of --json can be written; `content` is what it will be, once it is known. The exit code
/// when it can't, which has been said.
std::optional<int> open_result(OutputFiles& files, const std::string& path, const std::string& content);
/// Writes what was opened. The exit code when that failed, which has been said.
std::optional<int> write_result(OutputFiles& files);

}  // namespace hvo::bench
