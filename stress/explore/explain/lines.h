// lines: text broken into lines of a terminal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hvo::stress {

/// Columns that UTF-8 text takes.
std::size_t width_of(std::string_view text);
/// With blanks up to that width.
std::string padded(std::string text, std::size_t width);
/// The end of a long name says more than its beginning.
std::string shortened(std::string_view name, std::size_t width);
/// Lines of at most `width`, broken at blanks where that can be; all but the first are indented.
std::vector<std::string> lines_of_width(std::string_view text, std::size_t width);

}  // namespace hvo::stress
