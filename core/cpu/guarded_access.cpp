#include "core/cpu/guarded_access.h"

#include <csignal>
#include <span>

#include "core/base/check.h"
#include "core/cpu/word.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HVO_THREAD_SANITIZER 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define HVO_THREAD_SANITIZER 1
#endif

namespace hvo {

std::string_view why_no_guarded_access() {
#if !defined(__x86_64__)
  return "a store that faults can be resumed on x86-64 only";
#elif defined(HVO_THREAD_SANITIZER)
  return "ThreadSanitizer's shadow is per virtual address, so it is blind to races across two mappings of one frame";
#else
  return {};
#endif
}

#if defined(__x86_64__)

namespace {

/// An instruction that may fault, and where to go on: each as a distance from the field itself.
struct TableEntry {
  i32 instruction;
  i32 resume;
};
extern "C" {
// Made by the linker, for any section whose name is an identifier.
extern const TableEntry table_begin[] __asm__("__start_hvo_ex_table");
extern const TableEntry table_end[] __asm__("__stop_hvo_ex_table");
}

u64 address_of(const i32& distance) {
  return reinterpret_cast<u64>(&distance) + static_cast<u64>(static_cast<i64>(distance));
}

/// Where to go on after a fault at `instruction`; 0: it is no guarded one.
u64 resume_at(u64 instruction) {
  for (const TableEntry& e : std::span(table_begin, table_end)) {
    if (address_of(e.instruction) == instruction) return address_of(e.resume);
  }
  return 0;
}

struct sigaction previous{};

void pass_on(int signal, siginfo_t* info, void* context) {
  if ((previous.sa_flags & SA_SIGINFO) != 0) return previous.sa_sigaction(signal, info, context);
  if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) return previous.sa_handler(signal);
  // Comes when this handler has returned, if the fault does not come again first.
  sigaction(signal, &previous, nullptr);
  raise(signal);
}

extern "C" void on_fault(int signal, siginfo_t* info, void* context) {
  auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const u64 resume = info->si_code == SEGV_ACCERR ? resume_at(static_cast<u64>(registers[REG_RIP])) : 0;
  if (resume == 0) return pass_on(signal, info, context);
  registers[REG_RIP] = static_cast<greg_t>(resume);
}

/// `instruction`, with an entry in the table: `trapped`, 1 before, is 0 behind it unless it faulted. (asm goto would do
/// without that, but early releases of g++ 12 lose its outputs.) Only in functions of this file that are neither inline
/// nor templates elsewhere: the table names each copy, and a linker drops copies.
#define HVO_GUARDED(instruction)      \
  "1: " instruction                   \
  "\n"                                \
  "movl $0, %k[trapped]\n"            \
  "2:\n"                              \
  ".pushsection hvo_ex_table,\"a\"\n" \
  ".balign 4\n"                       \
  ".long 1b - .\n"                    \
  ".long 2b - .\n"                    \
  ".popsection"

template <class T>
bool store(T& word, T v) {
  u32 trapped = 1;
  asm volatile(HVO_GUARDED("mov %[v], %[word]") : [trapped] "+r"(trapped), [word] "+m"(word) : [v] "r"(v) : "memory");
  return trapped == 0;
}

/// `v` becomes the old value.
template <class T>
bool exchange(T& word, T& v) {
  u32 trapped = 1;
  asm volatile(HVO_GUARDED("xchg %[v], %[word]")
               : [trapped] "+r"(trapped), [word] "+m"(word), [v] "+r"(v)
               :
               : "memory");
  return trapped == 0;
}

/// `v` becomes the old value.
template <class T>
bool fetch_add(T& word, T& v) {
  u32 trapped = 1;
  asm volatile(HVO_GUARDED("lock xadd %[v], %[word]")
               : [trapped] "+r"(trapped), [word] "+m"(word), [v] "+r"(v)
               :
               : "memory", "cc");
  return trapped == 0;
}

/// `expected` becomes the old value.
template <class T>
bool compare_exchange(T& word, T& expected, T v) {
  u32 trapped = 1;
  asm volatile(HVO_GUARDED("lock cmpxchg %[v], %[word]")
               : [trapped] "+r"(trapped), [word] "+m"(word), [expected] "+a"(expected)
               : [v] "r"(v)
               : "memory", "cc");
  return trapped == 0;
}

/// Replaces the value by f of it; the old one.
template <class T, class F>
std::optional<T> guarded_update(Word<T>& word, F f) {
  T old = ref(word).load(std::memory_order::relaxed);
  for (;;) {
    T seen = old;
    if (!compare_exchange(word.raw, seen, f(old))) return std::nullopt;
    if (seen == old) return old;
    old = seen;
  }
}

template <class T>
std::optional<u64> perform_sized(const Access& a, Word<T>& word) {
  T v = static_cast<T>(a.operand);
  const auto done = [](bool ok, T value) { return ok ? std::optional<u64>(value) : std::nullopt; };
  switch (a.kind) {
    case Kind::store: return done(store(word.raw, v), v);
    case Kind::exchange: {
      const bool ok = exchange(word.raw, v);
      return done(ok, v);
    }
    case Kind::fetch_add: {
      const bool ok = fetch_add(word.raw, v);
      return done(ok, v);
    }
    case Kind::fetch_or: return guarded_update(word, [v](T old) { return static_cast<T>(old | v); });
    case Kind::fetch_and: return guarded_update(word, [v](T old) { return static_cast<T>(old & v); });
    case Kind::cmpxchg: {
      T expected = static_cast<T>(a.expected);
      const bool ok = compare_exchange(word.raw, expected, v);
      return done(ok, expected);
    }
    default: break;
  }
  check_failed("access.kind", "only stores and RMWs by virtual address are guarded");
}

}  // namespace

void install_fault_guard() {
  struct sigaction now{};
  sigaction(SIGSEGV, nullptr, &now);
  if ((now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == on_fault) return;
  previous = now;
  struct sigaction action{};
  action.sa_sigaction = on_fault;
  // On another stack if the one before wanted that: it may have to report a stack that overflowed.
  action.sa_flags = SA_SIGINFO | (now.sa_flags & SA_ONSTACK);
  sigaction(SIGSEGV, &action, nullptr);
}

std::optional<u64> perform_guarded(const Access& access, void* word) {
  switch (access.size) {
    case 1: return perform_sized(access, *static_cast<Word<u8>*>(word));
    case 2: return perform_sized(access, *static_cast<Word<u16>*>(word));
    case 4: return perform_sized(access, *static_cast<Word<u32>*>(word));
    case 8: return perform_sized(access, *static_cast<Word<u64>*>(word));
    default: break;
  }
  check_failed("access.size", "a word has 1, 2, 4 or 8 bytes");
}

#else

void install_fault_guard() {}

std::optional<u64> perform_guarded(const Access& /*access*/, void* /*word*/) {
  check_failed("why_no_guarded_access().empty()", "asked for before");
}

#endif

}  // namespace hvo
