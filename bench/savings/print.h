// print: results as plain text, at most 72 columns wide, to be pasted into a mail.
#pragma once

#include <string>

#include "bench/environment.h"
#include "bench/savings/results.h"

namespace hvo::bench::savings {

inline constexpr std::size_t kColumns = 72;

/// `command`: what runs this again.
std::string text_of(const Results& results, const Facts& facts, const std::string& command);

/// The command line that builds this plan.
std::string command_of(const Plan& plan);

}  // namespace hvo::bench::savings
