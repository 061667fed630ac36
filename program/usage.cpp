#include "program/usage.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace hvo {

namespace {

/// In lines that fit beside the left column.
std::string wrapped(std::string_view text) {
  constexpr std::size_t kMost = Help::kWidth - Help::kLeft;
  std::string s;
  while (text.size() > kMost) {
    const std::size_t blank = text.rfind(' ', kMost);
    if (blank == std::string_view::npos) break;
    s += std::string(text.substr(0, blank)) + "\n";
    text.remove_prefix(blank + 1);
  }
  return s + std::string(text);
}

/// The library lists unknown arguments from the last to the first.
std::string last_word_first(std::string_view text) {
  std::string s;
  for (std::size_t blank = 0; (blank = text.rfind(' ')) != std::string_view::npos; text = text.substr(0, blank)) {
    s += std::string(text.substr(blank + 1)) + " ";
  }
  return s + std::string(text);
}

}  // namespace

std::string plain_words(const CLI::ParseError& error) {
  std::string text = error.what();
  const auto colon = text.find(": ");
  if (colon == std::string::npos) return text;
  const std::string what = text.substr(0, colon);
  const std::string rest = text.substr(colon + 2);
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError)) {
    return fmt::format("unknown argument{} {}", rest.find(' ') == std::string::npos ? "" : "s", last_word_first(rest));
  }
  if (rest.starts_with("At Most 1 ")) return what + " is given more than once";
  constexpr std::string_view kNeeds = "1 required ";
  constexpr std::string_view kMissing = " missing";
  if (rest.starts_with(kNeeds) && rest.ends_with(kMissing)) {
    return fmt::format("{} needs a value: {}", what,
                       rest.substr(kNeeds.size(), rest.size() - kNeeds.size() - kMissing.size()));
  }
  return text;
}

std::string Help::make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const {
  std::string text = Formatter::make_help(app, std::move(name), mode);
  for (std::size_t at = 0; (at = text.find("\n\n\n", at)) != std::string::npos;) text.erase(at, 1);
  return text;
}

std::string Help::make_option_opts(const CLI::Option* option) const {
  return option->get_type_size() == 0 ? "" : " " + option->get_type_name();
}

std::string Help::make_option_desc(const CLI::Option* option) const { return wrapped(option->get_description()); }

std::string Help::make_subcommand(const CLI::App* app) const {
  const std::string name = "  " + app->get_display_name(true);
  const std::string text = wrapped(app->get_description());
  std::string s = fmt::format("{:<{}}", name, kLeft);
  for (const char c : text) {
    s += c;
    if (c == '\n') s += std::string(kLeft, ' ');
  }
  return s + "\n";
}

}  // namespace hvo
