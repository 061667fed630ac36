#include "bench/savings/progress.h"

#include <fmt/format.h>

namespace hvo::bench::savings {

std::string progress_text(std::string_view what, u64 nth, u64 all, Stage stage, u64 done, u64 of) {
  return fmt::format("{}, {} of {}: {}, {} %", what, nth, all, stage == Stage::boot ? "boot" : "pool",
                     of == 0 ? 0 : done * 100 / of);
}

void Progress::next(std::string_view what) {
  what_ = what;
  ++nth_;
}

void Progress::operator()(Stage stage, u64 done, u64 of) {
  if (line_.is_due()) line_.show(progress_text(what_, nth_, all_, stage, done, of));
}

}  // namespace hvo::bench::savings
