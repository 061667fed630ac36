// Quiet: ThreadSanitizer looks away for a scope.
//
// For the exploring engine only, whose own data are touched on every fiber and belong to none. Nothing of the simulated
// machine is touched in such a scope, and no switch happens in one.
#pragma once

#if HVO_FIBERS_TSAN
extern "C" {
// Of ThreadSanitizer's run-time library: accesses of this thread are not looked at in between.
void __tsan_ignore_thread_begin();  // the library's name
void __tsan_ignore_thread_end();    // likewise
}
#endif

namespace hvo::stress {

class Quiet {
 public:
#if HVO_FIBERS_TSAN
  Quiet() { __tsan_ignore_thread_begin(); }
  ~Quiet() { __tsan_ignore_thread_end(); }
#else
  Quiet() {}   // a scope, not an unused variable
  ~Quiet() {}  // likewise
#endif
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;
};

}  // namespace hvo::stress
