#include "stress/signals.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <iterator>
#include <string_view>

#include "stress/verdict.h"

namespace hvo::stress {

namespace {

constexpr auto kRelaxed = std::memory_order::relaxed;
constexpr std::array kCrashSignals{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
static_assert(std::atomic<u64>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kHasAddressSanitizer = true;
#elif defined(__has_feature)
constexpr bool kHasAddressSanitizer = __has_feature(address_sanitizer);
#else
constexpr bool kHasAddressSanitizer = false;
#endif

/// Text of fixed size. Written before the handlers are there.
using Buffer = std::array<char, 4096>;
std::atomic<int> interrupts{0};
std::atomic<bool> has_crashed{false};
std::atomic<u64> round_nth{0};
std::atomic<u64> round_seed{0};
u64 run_seed = 0;
Buffer crash_command{};
std::array<struct sigaction, kCrashSignals.size()> previous{};

struct Temporary {
  Buffer path{};
  std::atomic<bool> is_there{false};  // release when the path is written ↔ acquire in remove_temporaries
};
std::array<Temporary, 8> temporaries;

void say(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(STDERR_FILENO, text.data(), text.size());
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

void say(u64 n) {
  std::array<char, 20> digits{};
  std::size_t at = digits.size();
  do {
    digits[--at] = static_cast<char>('0' + n % 10);
    n /= 10;
  } while (n != 0);
  say(std::string_view(digits.data() + at, digits.size() - at));
}

std::string_view signal_name(int signal) {
  switch (signal) {
    case SIGSEGV: return "SIGSEGV";
    case SIGBUS: return "SIGBUS";
    case SIGILL: return "SIGILL";
    case SIGFPE: return "SIGFPE";
    default: return "SIGABRT";
  }
}

extern "C" void on_interrupt(int /*signal*/) {
  if (interrupts.fetch_add(1, kRelaxed) == 0) return;
  remove_temporaries();
  _exit(kKilled);
}

extern "C" void on_crash(int signal) {
  if (has_crashed.exchange(true, kRelaxed)) _exit(kCrash);
  say("\nhvo-stress: crash: ");
  say(signal_name(signal));
  say(" in round ");
  say(round_nth.load(kRelaxed) + 1);
  say(" of the run with seed ");
  say(run_seed);
  say("\nrepeat the round: ");
  say(crash_command.data());
  say(" --rounds 1 --seed ");
  say(round_seed.load(kRelaxed));
  say("\n");
  remove_temporaries();
  if (!kHasAddressSanitizer) _exit(kCrash);
  const auto nth = std::ranges::find(kCrashSignals, signal) - kCrashSignals.begin();
  const struct sigaction& before = previous[static_cast<std::size_t>(nth)];
  if (before.sa_handler == SIG_DFL) _exit(kCrash);
  sigaction(signal, &before, nullptr);
  raise(signal);
}

void fill(Buffer& buffer, const std::string& text) {
  const std::size_t n = std::min(text.size(), buffer.size() - 1);
  std::memcpy(buffer.data(), text.data(), n);
  buffer[n] = '\0';
}

}  // namespace

void install_interrupt_handlers() {
  struct sigaction action{};
  action.sa_handler = on_interrupt;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
}

bool is_interrupted() { return interrupts.load(kRelaxed) != 0; }

void install_crash_handlers(const std::string& command, u64 seed) {
  fill(crash_command, command);
  run_seed = seed;
  struct sigaction action{};
  action.sa_handler = on_crash;
  for (std::size_t i = 0; i < kCrashSignals.size(); ++i) sigaction(kCrashSignals[i], &action, &previous[i]);
}

void note_round(u64 nth, u64 seed) {
  round_nth.store(nth, kRelaxed);
  round_seed.store(seed, kRelaxed);
}

void note_temporary(const std::string& path) {
  if (path.size() >= std::tuple_size_v<Buffer>) return;
  for (Temporary& t : temporaries) {
    if (t.is_there.load(kRelaxed)) continue;
    fill(t.path, path);
    t.is_there.store(true, std::memory_order::release);
    return;
  }
}

void forget_temporary(const std::string& path) {
  for (Temporary& t : temporaries) {
    if (path == t.path.data()) t.is_there.store(false, kRelaxed);
  }
}

void remove_temporaries() {
  for (Temporary& t : temporaries) {
    if (t.is_there.load(std::memory_order::acquire)) unlink(t.path.data());
  }
}

}  // namespace hvo::stress
