#include "stress/crash_report.h"

#include <atomic>

#include "program/signals.h"

namespace hvo::stress {

namespace {

constexpr auto kRelaxed = std::memory_order::relaxed;
static_assert(std::atomic<u64>::is_always_lock_free, "a signal handler loads it");

std::atomic<u64> round_nth{0};
std::atomic<u64> noted_seed{0};
u64 run_seed = 0;
SignalText repeat_command;

void explain() {
  say_at_crash(" in round ");
  say_at_crash(round_nth.load(kRelaxed) + 1);
  say_at_crash(" of the run with seed ");
  say_at_crash(run_seed);
  say_at_crash("\nrepeat the round: ");
  say_at_crash(repeat_command.c_str());
  say_at_crash(" --rounds 1 --seed ");
  say_at_crash(noted_seed.load(kRelaxed));
}

}  // namespace

void install_crash_report(const std::string& command, u64 seed) {
  repeat_command.set(command);
  run_seed = seed;
  install_crash_handlers("hvo-stress", explain);
}

void note_round(u64 nth, u64 seed) {
  round_nth.store(nth, kRelaxed);
  noted_seed.store(seed, kRelaxed);
}

}  // namespace hvo::stress
