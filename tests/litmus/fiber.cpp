#include "tests/litmus/fiber.h"

#include <boost/context/fiber.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>
#include <utility>
#include <vector>

// This file is compiled without any sanitizer, so that no macro of the compiler tells which one the others have.
#if HVO_FIBERS_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#if HVO_FIBERS_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace hvo {

namespace {

namespace context = boost::context;

// A sanitizer's frames are larger, and so are those of its reports.
constexpr std::size_t kStackBytes = (HVO_FIBERS_ASAN || HVO_FIBERS_TSAN ? 512 : 64) * std::size_t{1024};

/// A stack as a sanitizer sees it. Each switch is told before (leave) and after (enter) it happens.
struct Side {
#if HVO_FIBERS_ASAN
  void* fake_stack = nullptr;
  const void* bottom = nullptr;
  std::size_t size = 0;
#endif
#if HVO_FIBERS_TSAN
  void* thread = nullptr;
#endif
};

/// Before the first switch.
void begin([[maybe_unused]] Side& inside, [[maybe_unused]] Side& outside) {
#if HVO_FIBERS_TSAN
  if (inside.thread != nullptr) return;
  inside.thread = __tsan_create_fiber(0);
  outside.thread = __tsan_get_current_fiber();
#endif
}

/// The last switch of a fiber releases what it did; no other switch orders anything.
enum class Order : bool { none, release };

void leave([[maybe_unused]] Side& from, [[maybe_unused]] Side& to, [[maybe_unused]] Order order) {
#if HVO_FIBERS_ASAN
  // A fiber that is done has no fake stack to come back to.
  __sanitizer_start_switch_fiber(order == Order::release ? nullptr : &from.fake_stack, to.bottom, to.size);
#endif
#if HVO_FIBERS_TSAN
  __tsan_switch_to_fiber(to.thread, order == Order::release ? 0 : __tsan_switch_to_fiber_no_sync);
#endif
}

/// `other`: the side that was left, whose stack is learned here.
void enter([[maybe_unused]] Side& self, [[maybe_unused]] Side& other) {
#if HVO_FIBERS_ASAN
  __sanitizer_finish_switch_fiber(self.fake_stack, &other.bottom, &other.size);
#endif
}

}  // namespace

struct Fiber::Impl {
  Entry entry;
  void* argument;
  context::fiber fiber{};
  context::fiber resumer{};
  Side inside{};
  Side outside{};
  HandBack said{};
};

Fiber::Fiber(Entry entry, void* argument) : impl_(new Impl{.entry = entry, .argument = argument}) {
  Impl& f = *impl_;
  context::protected_fixedsize_stack allocator(kStackBytes);
  const context::stack_context stack = allocator.allocate();
#if HVO_FIBERS_ASAN
  f.inside.bottom = static_cast<std::byte*>(stack.sp) - stack.size;
  f.inside.size = stack.size;
#endif
  f.fiber = context::fiber(std::allocator_arg, context::preallocated(stack.sp, stack.size, stack), allocator,
                           [&f](context::fiber&& resumer) {
                             f.resumer = std::move(resumer);
                             enter(f.inside, f.outside);
                             f.entry(f.argument);
                             f.said = {.why = HandBack::Why::done};
                             leave(f.inside, f.outside, Order::release);
                             return std::move(f.resumer);
                           });
}

Fiber::~Fiber() {
  Impl& f = *impl_;
#if HVO_FIBERS_TSAN
  begin(f.inside, f.outside);
  if (f.said.why != HandBack::Why::done) {
    // As if it had ended here: what it did is before what its owner does from now on.
    leave(f.outside, f.inside, Order::none);
    leave(f.inside, f.outside, Order::release);
  }
  __tsan_destroy_fiber(f.inside.thread);
#endif
  if (f.said.why == HandBack::Why::done) return;
  // Never destroyed, also not at exit: that would unwind its stack.
  static auto& dropped = *std::make_unique<std::vector<std::unique_ptr<Impl>>>().release();
  dropped.push_back(std::move(impl_));
}

HandBack Fiber::resume() {
  Impl& f = *impl_;
  begin(f.inside, f.outside);
  leave(f.outside, f.inside, Order::none);
  f.fiber = std::move(f.fiber).resume();
  enter(f.outside, f.inside);
  return f.said;
}

void Fiber::hand_back(const HandBack& what) {
  Impl& f = *impl_;
  f.said = what;
  leave(f.inside, f.outside, Order::none);
  f.resumer = std::move(f.resumer).resume();
  enter(f.inside, f.outside);
}

}  // namespace hvo
