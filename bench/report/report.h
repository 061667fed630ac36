// Report: the block that an engineer pastes into a mail, made of what hvo-stress, hvo-bench compare and hvo-bench
// savings wrote. It measures nothing itself: stress and bench know each other by their files alone.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "bench/compare/recording.h"

namespace hvo::bench {

/// What a report is made of.
struct ReportSources {
  std::string stress_path;                    ///< of hvo-stress run --json
  std::vector<std::string> explored_paths{};  ///< of hvo-stress explore --json; may be none
  std::string compare_path;                   ///< of hvo-bench compare --json
  std::string savings_path;                   ///< of hvo-bench savings --json; may be empty
  std::string design;                         ///< whose rows are shown
  std::string against;                        ///< another design whose lookups stand beside; may be empty
  std::string command;                        ///< what the user typed, to run it again
};

/// Plain ASCII, no line longer than 72 columns. Error: one line for the user: which file can't be used, and why.
std::expected<std::string, std::string> make_report(const ReportSources& sources);

/// `text` in lines of at most `columns`, each after the first indented by `indent`.
std::string wrapped(const std::string& text, std::size_t indent, std::size_t columns = 72);

}  // namespace hvo::bench
