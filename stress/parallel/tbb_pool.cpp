#include "stress/parallel/tbb_pool.h"

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

namespace hvo::stress {

struct TbbPool::Impl {
  explicit Impl(unsigned n)
      : control(tbb::global_control::max_allowed_parallelism, n + 1), arena(static_cast<int>(n), 0) {}
  tbb::global_control control;
  tbb::task_arena arena;
};

namespace {

struct Chain {
  tbb::task_arena* arena;
  TaskFn fn;
  void* context;
  unsigned index;
  void operator()() const {
    if (fn(context, index)) arena->enqueue(Chain{*this});
  }
};

}  // namespace

TbbPool::TbbPool(unsigned nr_threads) : impl_(new Impl(nr_threads)) {}
TbbPool::~TbbPool() { delete impl_; }
void TbbPool::start(TaskFn fn, void* context, unsigned index) {
  impl_->arena.enqueue(Chain{&impl_->arena, fn, context, index});
}

}  // namespace hvo::stress
