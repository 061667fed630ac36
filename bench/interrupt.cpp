#include "bench/interrupt.h"

#include <atomic>
#include <csignal>

namespace hvo::bench {

namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may store to it");

void note(int /*signal*/) { interrupted.store(true, std::memory_order::relaxed); }

}  // namespace

void install_interrupt_handlers() {
  struct sigaction action{};
  action.sa_handler = note;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
}

bool is_interrupted() { return interrupted.load(std::memory_order::relaxed); }

}  // namespace hvo::bench
