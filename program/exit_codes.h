// exit_codes: what hvo-stress, hvo-bench and ./hvo end with (design.md, section 9).
#pragma once

namespace hvo {

inline constexpr int kPass = 0;
inline constexpr int kViolation = 1;  ///< a bug was found; of ./hvo also: a build or test failed
inline constexpr int kUsage = 2;
inline constexpr int kResource = 3;
inline constexpr int kCrash = 5;
inline constexpr int kHang = 6;
inline constexpr int kVacuous = 7;
inline constexpr int kInterrupted = 130;

/// The same in every --help and in ./hvo help.
inline constexpr const char* kExitCodes =
    "Exit codes: 0 pass, 1 violation found, or a build or test failed, 2 usage, 3 resource missing,\n"
    "4 skipped, 5 crash, 6 hang, 7 cannot tell or vacuous, 130 interrupted.";

}  // namespace hvo
