// What a sanitizer's own end of the process means in the exit codes of hvo-stress. TSAN_OPTIONS and ASAN_OPTIONS still
// override it.
//
// A data race is what a detector found: 1. Bad memory access is a defect of hvo-stress itself: 5.

// NOLINTBEGIN(readability-identifier-naming): the runtimes look for these names.
extern "C" {
const char* __tsan_default_options();
const char* __asan_default_options();

const char* __tsan_default_options() { return "exitcode=1"; }
const char* __asan_default_options() { return "exitcode=5"; }
}
// NOLINTEND(readability-identifier-naming)
