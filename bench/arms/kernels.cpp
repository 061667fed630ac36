#include "bench/arms/kernels.h"

#include <array>
#include <string>

#include "bench/arms/encodings.h"
#include "core/vmemmap/page_ref.h"

std::atomic<bool> hvo_key_flag{false};

namespace hvo::bench {

namespace {

/// The global flag: a cache line of its own, as bad luck would have it in a kernel.
struct alignas(64) Flag {
  std::atomic<bool> on{false};
};
Flag flag;

[[gnu::always_inline]] inline bool key_never() { return false; }
[[gnu::always_inline]] inline bool key_branch() { return static_branch(); }
[[gnu::always_inline]] inline bool key_flag() { return flag.on.load(std::memory_order::relaxed); }

/// The helpers, each as a type, so that a loop is written once.
template <class Encoding>
struct CompoundHead {
  template <class A>
  [[gnu::always_inline]] static u64 of(const A& a, Page p) {
    return compound_head<Encoding>(a, p).va;
  }
};
template <class Encoding>
struct IsHead {
  template <class A>
  [[gnu::always_inline]] static u64 of(const A& a, Page p) {
    return PageHead<Encoding>(a, p) ? 1 : 0;
  }
};
template <class Encoding>
struct IsTail {
  template <class A>
  [[gnu::always_inline]] static u64 of(const A& a, Page p) {
    return PageTail<Encoding>(a, p) ? 1 : 0;
  }
};
/// page_ref_add_unless(page, 1, 0), and the reference is dropped again: one that may be the last would be another cost.
template <class Encoding, WalkerGuard guard>
struct AddUnless {
  template <class A>
  [[gnu::always_inline]] static u64 of(const A& a, Page p) {
    if (!page_ref_add_unless<guard, Encoding>(a, p, 1, 0).value_or(false)) return 0;
    return a.refcount_fetch_add(p, ~u32{0}).has_value() ? 1 : 0;
  }
};

enum class Flow : u8 { stream, chain, pressure };

/// `copy` makes instances that differ in nothing but where they lie.
template <class Helper, bool (*Key)(), Flow flow, int copy>
[[gnu::noinline]] u64 loop(u64 base, const u32* first, const u32* last, [[maybe_unused]] u64* pressure) {
  const HostPages<Key> pages;
  u64 sum = 0;
  u64 link = 0;
  [[maybe_unused]] u64 line = 0;
  for (; first != last; ++first) {
    const u64 answer = Helper::of(pages, Page{base + (u64{*first} << kStructPageShift) + link});
    sum += answer;
    // Always zero here, but the compiler can't know.
    if constexpr (flow == Flow::chain) link = pages.read_once(Page{answer}, page_field::memcg_data);
    if constexpr (flow == Flow::pressure) {
      for (u64 i = 0; i < kPressureLines; ++i) {
        ++pressure[line];
        line = (line + 8) % (kPressureBytes / sizeof(u64));
      }
    }
  }
  return sum;
}

template <class Helper, bool (*Key)(), int copy>
[[gnu::noinline]] u64 single(u64 page) {
  return Helper::of(HostPages<Key>{}, Page{page});
}

/// A helper whose answers lead nowhere: a stream is all there is.
template <class Helper, bool (*Key)(), int copy = 0>
constexpr Kernel other(const char* helper, const char* arm) {
  return {.helper = helper,
          .arm = arm,
          .stream = &loop<Helper, Key, Flow::stream, copy>,
          .chain = nullptr,
          .pressure = nullptr,
          .single = &single<Helper, Key, copy>};
}
/// One that finds a head.
template <class Helper, bool (*Key)(), int copy = 0>
constexpr Kernel lookup(const char* helper, const char* arm) {
  Kernel kernel = other<Helper, Key, copy>(helper, arm);
  kernel.chain = &loop<Helper, Key, Flow::chain, copy>;
  kernel.pressure = &loop<Helper, Key, Flow::pressure, copy>;
  return kernel;
}

using Plain = BranchingPointerHead;

constexpr std::array kKernels{
    lookup<CompoundHead<Plain>, key_never, 0>("compound_head", "none"),
    lookup<CompoundHead<Plain>, key_never, 1>("compound_head", "none-again"),
    lookup<CompoundHead<BranchFreePointerHead>, key_never>("compound_head", "none-branch-free"),
    lookup<CompoundHead<Plain>, key_never, 2>("compound_head", "two-frame"),
    lookup<CompoundHead<FakeHead>, key_branch>("compound_head", "fake-head"),
    lookup<CompoundHead<FakeHead>, key_flag>("compound_head", "fake-head-flag"),
    lookup<CompoundHead<MaskHead>, key_never>("compound_head", "shared-tail"),
    other<IsHead<PointerHead>, key_never, 0>("PageHead", "none"),
    other<IsHead<PointerHead>, key_never, 1>("PageHead", "none-again"),
    other<IsHead<PointerHead>, key_never, 2>("PageHead", "two-frame"),
    other<IsHead<FakeHead>, key_branch>("PageHead", "fake-head"),
    other<IsHead<FakeHead>, key_flag>("PageHead", "fake-head-flag"),
    other<IsHead<MaskHead>, key_never>("PageHead", "shared-tail"),
    other<IsTail<PointerHead>, key_never, 0>("PageTail", "none"),
    other<IsTail<PointerHead>, key_never, 1>("PageTail", "none-again"),
    other<IsTail<PointerHead>, key_never, 2>("PageTail", "two-frame"),
    other<IsTail<FakeHead>, key_branch>("PageTail", "fake-head"),
    other<IsTail<FakeHead>, key_flag>("PageTail", "fake-head-flag"),
    other<IsTail<MaskHead>, key_never>("PageTail", "shared-tail"),
    other<AddUnless<PointerHead, WalkerGuard::none>, key_never, 0>("page_ref_add_unless", "none"),
    other<AddUnless<PointerHead, WalkerGuard::none>, key_never, 1>("page_ref_add_unless", "none-again"),
    other<AddUnless<PointerHead, WalkerGuard::none>, key_never, 2>("page_ref_add_unless", "two-frame"),
    other<AddUnless<FakeHead, WalkerGuard::none>, key_branch>("page_ref_add_unless", "fake-head"),
    other<AddUnless<FakeHead, WalkerGuard::rcu>, key_branch>("page_ref_add_unless", "fake-head-rcu"),
    other<AddUnless<FakeHead, WalkerGuard::rcu_acquire>, key_branch>("page_ref_add_unless", "fake-head-acquire"),
    other<AddUnless<MaskHead, WalkerGuard::none>, key_never>("page_ref_add_unless", "shared-tail"),
};

[[gnu::naked, gnu::noinline]] u64 only_return(u64 /*page*/) { asm("ret"); }

const KernelTable kTable{.first = kKernels.data(),
                         .last = kKernels.data() + kKernels.size(),
#if defined(__clang__)
                         .compiler = "clang " __clang_version__,
#else
                         .compiler = "g++ " __VERSION__,
#endif
                         .flags = HVO_KERNEL_FLAGS,
                         .only_return = &only_return,
#if HVO_JUMP_LABEL
                         .first_jump = hvo_jump_table_begin,
                         .last_jump = hvo_jump_table_end,
#endif
                         .key_flag = &hvo_key_flag,
                         .global_flag = &flag.on};

}  // namespace

}  // namespace hvo::bench

[[gnu::visibility("default")]] const hvo::bench::KernelTable* hvo_lookup_kernels() { return &hvo::bench::kTable; }
