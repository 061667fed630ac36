// A schedule as a table, one column per CPU: what each did, in the order in which it happened.
#pragma once

#include <string>

#include "tests/litmus/walker_race.h"

namespace hvo {

/// The steps of `moments`, just replayed on the machine of `race`: all of the walker's, and of the other CPU's those
/// that touch the struct page in question, the page tables that map it, or a mailbox. What lies between is summed up in
/// brackets. Two columns, at most 100 characters wide; ends with a newline.
std::string step_table(WalkerRace& race, const std::vector<Moment>& moments);

}  // namespace hvo
