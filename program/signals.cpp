#include "program/signals.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstring>

#include "program/exit_codes.h"

namespace hvo {

namespace {

constexpr auto kRelaxed = std::memory_order::relaxed;
constexpr std::array kCrashSignals{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kHasAddressSanitizer = true;
#elif defined(__has_feature)
constexpr bool kHasAddressSanitizer = __has_feature(address_sanitizer);
#else
constexpr bool kHasAddressSanitizer = false;
#endif

std::atomic<int> interrupts{0};
std::atomic<pid_t> crashed_thread{0};
SignalText crashing_program;
void (*explain_crash)() = nullptr;
std::array<struct sigaction, kCrashSignals.size()> previous{};

struct Temporary {
  SignalText path;
  std::atomic<bool> is_there{false};  // release when the path is written ↔ acquire in remove_temporaries
};
std::array<Temporary, 8> temporaries;

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
  _exit(kInterrupted);
}

extern "C" void on_crash(int signal) {
  pid_t nobody = 0;
  if (!crashed_thread.compare_exchange_strong(nobody, gettid(), kRelaxed)) {
    if (nobody == gettid()) _exit(kCrash);  // the report itself crashed
    for (;;) pause();                       // another thread reports, and ends us all
  }
  say_at_crash("\n");
  say_at_crash(crashing_program.c_str());
  say_at_crash(": crash: ");
  say_at_crash(signal_name(signal));
  if (explain_crash != nullptr) explain_crash();
  say_at_crash("\n");
  remove_temporaries();
  if (!kHasAddressSanitizer) _exit(kCrash);
  const auto nth = std::ranges::find(kCrashSignals, signal) - kCrashSignals.begin();
  const struct sigaction& before = previous[static_cast<std::size_t>(nth)];
  if (before.sa_handler == SIG_DFL) _exit(kCrash);
  sigaction(signal, &before, nullptr);
  raise(signal);
}

}  // namespace

void SignalText::set(std::string_view text) {
  const std::size_t n = std::min(text.size(), sizeof(text_) - 1);
  std::memcpy(text_, text.data(), n);
  text_[n] = '\0';
}

void say_at_crash(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(STDERR_FILENO, text.data(), text.size());
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

void say_at_crash(u64 n) {
  std::array<char, 20> digits{};
  std::size_t at = digits.size();
  do {
    digits[--at] = static_cast<char>('0' + n % 10);
    n /= 10;
  } while (n != 0);
  say_at_crash(std::string_view(digits.data() + at, digits.size() - at));
}

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

void install_crash_handlers(const std::string& program, void (*explain)()) {
  crashing_program.set(program);
  explain_crash = explain;
  struct sigaction action{};
  action.sa_handler = on_crash;
  for (std::size_t i = 0; i < kCrashSignals.size(); ++i) sigaction(kCrashSignals[i], &action, &previous[i]);
}

void note_temporary(const std::string& path) {
  for (Temporary& t : temporaries) {
    if (t.is_there.load(kRelaxed)) continue;
    t.path.set(path);
    if (path == t.path.c_str()) t.is_there.store(true, std::memory_order::release);
    return;
  }
}

void forget_temporary(const std::string& path) {
  for (Temporary& t : temporaries) {
    if (path == t.path.c_str()) t.is_there.store(false, kRelaxed);
  }
}

void remove_temporaries() {
  for (Temporary& t : temporaries) {
    if (t.is_there.load(std::memory_order::acquire)) unlink(t.path.c_str());
  }
}

}  // namespace hvo
