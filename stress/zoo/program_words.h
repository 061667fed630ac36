// program_words: command lines of `explore` and `run` as lists of words, changed and tried out without running them.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace hvo::stress {

using Words = std::vector<std::string>;

/// At blanks.
Words split_words(std::string_view text);
/// "a b c", as a shell takes them.
std::string joined(const Words& words);
Words operator+(Words a, const Words& b);

/// What follows the option, or `otherwise`.
std::string value_of(const Words& words, std::string_view option, std::string_view otherwise);
bool has_option(const Words& words, std::string_view option);
/// With this value in place of the one that is there.
Words with_option(Words words, std::string_view option, std::string_view value);
Words without_option(Words words, std::string_view option);

/// Would `hvo-stress explore WORDS` begin? Error: what it would say instead, in one line.
std::expected<void, std::string> check_explore(const Words& words);
/// Likewise for `hvo-stress run`.
std::expected<void, std::string> check_run(const Words& words);

}  // namespace hvo::stress
