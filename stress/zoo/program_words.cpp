#include "stress/zoo/program_words.h"

#include <algorithm>

#include "program/usage.h"
#include "stress/command_line.h"
#include "stress/explore/options.h"

namespace hvo::stress {

namespace {

/// Parses as the program does.
std::expected<void, std::string> parse(CLI::App& app, Words words) {
  std::ranges::reverse(words);  // as CLI11 takes them
  try {
    app.parse(words);
  } catch (const CLI::ParseError& e) {
    return std::unexpected(plain_words(e));
  }
  return {};
}

}  // namespace

Words split_words(std::string_view text) {
  Words words;
  while (!text.empty()) {
    const auto blank = std::min(text.find(' '), text.size());
    if (blank != 0) words.emplace_back(text.substr(0, blank));
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  return words;
}

std::string joined(const Words& words) {
  std::string s;
  for (const std::string& word : words) s += (s.empty() ? "" : " ") + stress::quoted(word);
  return s;
}

Words operator+(Words a, const Words& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::string value_of(const Words& words, std::string_view option, std::string_view otherwise) {
  const auto found = std::ranges::find(words, option);
  return std::string(words.end() - found < 2 ? otherwise : std::string_view(*(found + 1)));
}

bool has_option(const Words& words, std::string_view option) { return std::ranges::find(words, option) != words.end(); }

Words without_option(Words words, std::string_view option) {
  const auto found = std::ranges::find(words, option);
  if (found != words.end()) words.erase(found, std::min(found + 2, words.end()));
  return words;
}

Words with_option(Words words, std::string_view option, std::string_view value) {
  return without_option(std::move(words), option) + Words{std::string(option), std::string(value)};
}

std::expected<void, std::string> check_explore(const Words& words) {
  CLI::App app;
  ExploreWords typed;
  add_explore_options(app, typed);
  if (auto parsed = parse(app, words); !parsed) return parsed;
  const auto options = to_explore_options(typed, "");
  if (!options) return std::unexpected(options.error());
  return {};
}

std::expected<void, std::string> check_run(const Words& words) {
  CLI::App app;
  RunWords typed;
  add_run_options(app, typed);
  if (auto parsed = parse(app, words); !parsed) return parsed;
  const auto options = to_options(typed, "");
  if (!options) return std::unexpected(options.error());
  return {};
}

}  // namespace hvo::stress
