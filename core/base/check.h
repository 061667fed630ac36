// Internal invariants of hvolab itself.
//
// HVO_CHECK is for mistakes of the people who write hvolab: it prints where and what, and aborts (exit code 5 of
// the tools). It is never used for what a user can cause (that is an std::expected) nor for what the simulated
// kernel does wrong (that is a Violation, base/violation.h).
#pragma once

#include <source_location>
#include <string_view>

namespace hvo {

[[noreturn]] void check_failed(std::string_view condition, std::string_view why,
                               std::source_location where = std::source_location::current());

}  // namespace hvo

#define HVO_CHECK(condition, why)           \
  do {                                      \
    if (!(condition)) [[unlikely]] {        \
      ::hvo::check_failed(#condition, why); \
    }                                       \
  } while (false)
