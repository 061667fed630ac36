// What a comparison says, as text: a block fit for a mail, then every case.
#pragma once

#include <cstdio>

#include "bench/compare/recording.h"

namespace hvo::bench {

/// The rows of the table of 2021, 72 columns.
void print_headline(std::FILE* out, const Recording& recording);
/// Every case, 100 columns.
void print_cases(std::FILE* out, const Recording& recording);
/// What it was measured on, and how, 72 columns.
void print_protocol(std::FILE* out, const Recording& recording);
/// The headline of one recording beside that of another: how each ratio changed.
void print_change(std::FILE* out, const Recording& before, const Recording& after);

/// True when every headline row is there, and none is "cannot tell".
bool can_tell(const Recording& recording);

/// "1.034 [1.021, 1.047]"
std::string interval_text(const Interval& interval);
/// "same within 1.4 %", "dearer", "cannot tell (noise 4.1 %)"
std::string judgement_text(const Judgement& judgement);

}  // namespace hvo::bench
