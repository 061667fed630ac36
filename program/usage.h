// usage: the command line library's errors and help, in plain words and 100 columns.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace hvo {

/// One line for the user. The library's own words where it has good ones.
std::string plain_words(const CLI::ParseError& error);

/// Help in two columns, the right one wrapped; options show what they take and nothing of how it is checked.
/// `app.formatter(std::make_shared<Help>())`, before subcommands are added: they take it over.
class Help : public CLI::Formatter {
 public:
  static constexpr std::size_t kWidth = 100;
  static constexpr std::size_t kLeft = 30;

  Help() { column_width(kLeft); }
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;
  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_option_desc(const CLI::Option* option) const override;
  std::string make_subcommand(const CLI::App* app) const override;
};

}  // namespace hvo
