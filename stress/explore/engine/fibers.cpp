#include "stress/explore/engine/fibers.h"

#include <boost/context/fiber.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

// This file is compiled without any sanitizer, so that no macro of the compiler tells which one the others have.
#if HVO_FIBERS_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if HVO_FIBERS_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace hvo::stress {

namespace {

namespace context = boost::context;

// A sanitizer's frames are larger, and so are those of its reports.
constexpr std::size_t kStackBytes = (HVO_FIBERS_ASAN || HVO_FIBERS_TSAN ? 512 : 128) * std::size_t{1024};

/// The stack outlives its fibers.
struct KeepStack {
  void deallocate(const context::stack_context& /*stack*/) const {}
};

/// A stack as a sanitizer sees it. Each switch is told before (leave) and after (enter) it happens.
struct Side {
  context::fiber suspended{};  ///< where it goes on
  bool in_the_middle = false;
#if HVO_FIBERS_ASAN
  void* fake_stack = nullptr;
  const void* bottom = nullptr;
  std::size_t size = 0;
#endif
#if HVO_FIBERS_TSAN
  void* thread = nullptr;
#endif
};

void leave([[maybe_unused]] Side& from, [[maybe_unused]] Side& to, [[maybe_unused]] bool for_good) {
#if HVO_FIBERS_ASAN
  __sanitizer_start_switch_fiber(for_good ? nullptr : &from.fake_stack, to.bottom, to.size);
#endif
#if HVO_FIBERS_TSAN
  // That one CPU ran after another orders nothing between them; with 0 a publish without release would be no race.
  __tsan_switch_to_fiber(to.thread, __tsan_switch_to_fiber_no_sync);
#endif
}

}  // namespace

struct Fibers::Impl {
  Entry entry;
  void* argument;
  std::vector<context::stack_context> stacks{};
  std::vector<Side> sides{};  ///< of the fibers, and of outside behind them
  u32 running = 0;            ///< index into sides

  Side& outside() { return sides.back(); }
  u32 index_of(u32 nth) const { return nth == kOutside ? static_cast<u32>(stacks.size()) : nth; }
  void make(u32 nth);
  void body(u32 nth, context::fiber&& from);
  void arrive(Side& self, context::fiber&& from);
  void jump(u32 from, u32 to);
  void tell_begin();
  void tell_end();
};

/// Whoever ran before is suspended where it jumped.
void Fibers::Impl::arrive([[maybe_unused]] Side& self, context::fiber&& from) {
  Side& left = sides[running];
  left.suspended = std::move(from);
#if HVO_FIBERS_ASAN
  __sanitizer_finish_switch_fiber(self.fake_stack, &left.bottom, &left.size);
#endif
  running = static_cast<u32>(&self - sides.data());
}

void Fibers::Impl::jump(u32 from, u32 to) {
  Side& self = sides[from];
  Side& other = sides[to];
  leave(self, other, false);
  context::fiber came_from = std::move(other.suspended).resume();
  arrive(self, std::move(came_from));
}

/// Runs the entry as often as it is resumed: a fiber that is done waits for the next run.
void Fibers::Impl::body(u32 nth, context::fiber&& from) {
  arrive(sides[nth], std::move(from));
  for (;;) {
    const u32 next = entry(argument, nth);
    sides[nth].in_the_middle = false;
    jump(nth, index_of(next));
  }
}

void Fibers::Impl::make(u32 nth) {
  Side& s = sides[nth];
  const context::stack_context& stack = stacks[nth];
  // What a dropped fiber would have gone on with is forgotten, not unwound: its destructor would do that.
  new (&s.suspended) context::fiber();
#if HVO_FIBERS_ASAN
  s.bottom = static_cast<std::byte*>(stack.sp) - stack.size;
  s.size = stack.size;
  s.fake_stack = nullptr;
  __asan_unpoison_memory_region(s.bottom, s.size);
#endif
#if HVO_FIBERS_TSAN
  if (s.thread != nullptr) __tsan_destroy_fiber(s.thread);
  s.thread = __tsan_create_fiber(0);
#endif
  s.suspended = context::fiber(std::allocator_arg, context::preallocated(stack.sp, stack.size, stack), KeepStack{},
                               [this, nth](context::fiber&& from) {
                                 body(nth, std::move(from));
                                 return context::fiber();
                               });
  s.in_the_middle = false;
}

/// As if each fiber had been started from here: 0 orders, on the way in.
void Fibers::Impl::tell_begin() {
#if HVO_FIBERS_TSAN
  Side& out = outside();
  out.thread = __tsan_get_current_fiber();
  for (u32 i = 0; i < stacks.size(); ++i) {
    __tsan_switch_to_fiber(sides[i].thread, 0);
    __tsan_switch_to_fiber(out.thread, __tsan_switch_to_fiber_no_sync);
  }
#endif
}

/// As if each had ended and been waited for, also those that were left in the middle: 0 orders, on the way out.
void Fibers::Impl::tell_end() {
#if HVO_FIBERS_TSAN
  Side& out = outside();
  for (u32 i = 0; i < stacks.size(); ++i) {
    __tsan_switch_to_fiber(sides[i].thread, __tsan_switch_to_fiber_no_sync);
    __tsan_switch_to_fiber(out.thread, 0);
  }
#endif
}

Fibers::Fibers(u32 n, Entry entry, void* argument) : impl_(new Impl{.entry = entry, .argument = argument}) {
  Impl& f = *impl_;
  f.sides = std::vector<Side>(n + 1);
  context::protected_fixedsize_stack allocator(kStackBytes);
  for (u32 i = 0; i < n; ++i) f.stacks.push_back(allocator.allocate());
  for (u32 i = 0; i < n; ++i) f.make(i);
}

Fibers::~Fibers() {
  Impl& f = *impl_;
  context::protected_fixedsize_stack allocator(kStackBytes);
  for (u32 i = 0; i < f.stacks.size(); ++i) {
    new (&f.sides[i].suspended) context::fiber();
#if HVO_FIBERS_TSAN
    __tsan_destroy_fiber(f.sides[i].thread);
#endif
#if HVO_FIBERS_ASAN
    __asan_unpoison_memory_region(f.sides[i].bottom, f.sides[i].size);
#endif
    allocator.deallocate(f.stacks[i]);
  }
}

void Fibers::run(u32 first) {
  Impl& f = *impl_;
  for (u32 i = 0; i < f.stacks.size(); ++i) {
    if (f.sides[i].in_the_middle) f.make(i);
    f.sides[i].in_the_middle = true;
  }
  go_on(first);
}

void Fibers::go_on(u32 nth) {
  Impl& f = *impl_;
  f.running = f.index_of(kOutside);
  f.tell_begin();
  f.jump(f.running, nth);
  f.tell_end();
}

// A suspended fiber is one pointer: to the registers that were saved on its stack.
static_assert(sizeof(context::fiber) == sizeof(void*));

bool Fibers::can_keep() { return HVO_FIBERS_ASAN == 0 && HVO_FIBERS_TSAN == 0; }

void Fibers::keep(Kept& kept) const {
  const Impl& f = *impl_;
  kept.stacks.resize(f.stacks.size());
  for (std::size_t i = 0; i < f.stacks.size(); ++i) {
    Kept::Stack& stack = kept.stacks[i];
    std::memcpy(static_cast<void*>(&stack.at), static_cast<const void*>(&f.sides[i].suspended), sizeof(stack.at));
    stack.bytes.assign(static_cast<std::byte*>(stack.at), static_cast<std::byte*>(f.stacks[i].sp));
    stack.in_the_middle = f.sides[i].in_the_middle;
  }
}

void Fibers::put_back(const Kept& kept) {
  Impl& f = *impl_;
  for (std::size_t i = 0; i < f.stacks.size(); ++i) {
    const Kept::Stack& stack = kept.stacks[i];
    std::memcpy(stack.at, stack.bytes.data(), stack.bytes.size());
    // Where it stood until now is forgotten, not unwound.
    std::memcpy(static_cast<void*>(&f.sides[i].suspended), static_cast<const void*>(&stack.at), sizeof(stack.at));
    f.sides[i].in_the_middle = stack.in_the_middle;
  }
}

void Fibers::hand_over(u32 from, u32 to) { impl_->jump(from, impl_->index_of(to)); }

}  // namespace hvo::stress
