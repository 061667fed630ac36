#include "stress/parallel/engine.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>

#include "stress/parallel/round.h"

namespace hvo::stress {

namespace {

using Clock = std::chrono::steady_clock;
volatile std::sig_atomic_t interrupted = 0;
extern "C" void on_interrupt(int /*signal*/) { interrupted = 1; }

double since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

[[noreturn]] void dump_hang(Machine& m, double timeout) {
  std::fprintf(stderr, "hvo-stress: hang: no CPU finished an operation for %.0f s\n", timeout);
  for (u32 i = 0; i < m.nr_cpus(); ++i) {
    const Diagnostics& d = m.diagnostics(i);
    std::fprintf(stderr, "  CPU %u: %s, waits for: %s, %llu operations\n", i, op_name(d.activity.op.load()).data(),
                 wait_name(d.activity.wait.load()).data(), static_cast<unsigned long long>(d.activity.nr_ops.load()));
    for (unsigned k = std::min(8U, d.recorder.size()); k-- > 0;) {
      const Recorded r = d.recorder.newest(k);
      std::fprintf(stderr, "    %s %s 0x%llx 0x%llx\n", mark_name(r.mark).data(), op_name(r.op).data(),
                   static_cast<unsigned long long>(r.object), static_cast<unsigned long long>(r.value));
    }
  }
  _exit(6);
}

/// One line that says the run is alive: rewritten on a terminal, every 2 s in a pipe.
class StatusLine {
 public:
  void update(double seconds, u64 ops, u64 rounds, u64 forbidden) {
    const bool tty = isatty(STDERR_FILENO) != 0;
    if (seconds < next_) return;
    next_ = seconds + (tty ? 0.2 : 2);
    std::fprintf(stderr, "%s%6.1f s  %llu operations  round %llu  forbidden %llu%s", tty ? "\r" : "", seconds,
                 static_cast<unsigned long long>(ops), static_cast<unsigned long long>(rounds),
                 static_cast<unsigned long long>(forbidden), tty ? "" : "\n");
    shown_ = tty;
  }
  ~StatusLine() {
    if (shown_) std::fputs("\n", stderr);
  }

 private:
  double next_ = 2;
  bool shown_ = false;
};

}  // namespace

std::expected<RunResult, std::string> run(const RunOptions& options) {
  interrupted = 0;
  std::signal(SIGINT, on_interrupt);
  const auto start = Clock::now();
  RunResult result;
  StatusLine status;
  TbbPool pool(options.nr_threads);
  const u64 cpus = options.machine.nr_cpus;
  const auto is_over = [&](u64 ops) {
    return interrupted != 0 || (options.nr_ops != 0 ? ops >= options.nr_ops : since(start) >= options.seconds);
  };
  do {
    MachineConfig config = options.machine;
    config.failures.seed = options.seed + result.nr_rounds;
    auto machine = Machine::create(config);
    if (!machine) return std::unexpected(machine.error());
    u64 ops = options.scenario->ops_per_round;
    if (options.nr_ops != 0) ops = std::min(ops, (options.nr_ops - result.nr_ops + cpus - 1) / cpus);
    Round round(*options.scenario, **machine, options.seed + result.nr_rounds, options.nr_threads,
                static_cast<u32>(ops));
    for (u32 i = 0; i < cpus; ++i) pool.start(Round::run_task, &round, i);
    u64 last_ops = 0;
    auto last_progress = Clock::now();
    while (!round.is_done()) {
      std::this_thread::sleep_for(std::chrono::microseconds(500));
      const u64 now = round.nr_ops();
      if (now != last_ops) {
        last_ops = now;
        last_progress = Clock::now();
      } else if (since(last_progress) > options.hang_timeout) {
        dump_hang(**machine, options.hang_timeout);
      }
      if (interrupted != 0 || (options.nr_ops == 0 && since(start) >= options.seconds)) round.stop();
      status.update(since(start), result.nr_ops + now, result.nr_rounds, result.outcomes.nr_forbidden());
    }
    result.nr_ops += round.nr_ops();
    const FrameCensus census = (*machine)->census();
    const u64 all = (*machine)->vmemmap().nr_pages() / config.geometry.structs_per_page();
    result.frames_saved = all - std::min(all, census.mapped);
    result.frames_saved_peak = std::max(result.frames_saved_peak, result.frames_saved);
    result.outcomes += round.finish(result.events);
    ++result.nr_rounds;
  } while (!is_over(result.nr_ops));
  result.seconds = since(start);
  result.interrupted = interrupted != 0;
  return result;
}

}  // namespace hvo::stress
