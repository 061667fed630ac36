// TbbPool: host threads. The .cpp is the one file that sees TBB; it is compiled without instrumentation, so everything
// handed over must pass through atomics of the callback.
#pragma once

namespace hvo::stress {

/// Runs one short task; true: run it again as a new task.
using TaskFn = bool (*)(void* context, unsigned index);

class TbbPool {
 public:
  explicit TbbPool(unsigned nr_threads);
  ~TbbPool();
  TbbPool(const TbbPool&) = delete;
  TbbPool& operator=(const TbbPool&) = delete;

  /// Starts the chain of tasks of `index`. Any thread.
  void start(TaskFn fn, void* context, unsigned index);

 private:
  struct Impl;
  Impl* impl_;
};

}  // namespace hvo::stress
