// Child: another process, and what it printed.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

namespace hvo::bench {

/// Where this program's file is.
std::filesystem::path own_program();

/// Runs a program of PATH, and waits. Its standard error is ours. All that it printed.
/// Error: the end it met, or that it is not there, to be read after its name.
std::expected<std::string, std::string> run_program(const std::vector<std::string>& arguments);

/// Runs this program again with these arguments, and waits. Its standard error is ours. The first line that it printed.
/// Error: one line for the user, with the end it met; when it printed an error itself, that is not repeated.
std::expected<std::string, std::string> run_self(const std::vector<std::string>& arguments);

}  // namespace hvo::bench
