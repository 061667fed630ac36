#include "stress/explore/engine/checkpoints.h"

#include <algorithm>

#include "core/base/check.h"
#include "stress/explore/engine/engine.h"

namespace hvo::stress {

void Program::keep(u32 /*slot*/) { HVO_CHECK(false, "this program has no checkpoints"); }

void Program::go_back(u32 /*slot*/) { HVO_CHECK(false, "this program has no checkpoints"); }

void ExploringEngine::use_checkpoints() {
  if (weak_ != nullptr || !Fibers::can_keep()) return;
  checkpoints_ = std::make_unique<Checkpoints>();
}

/// A fiber's own stack can only be copied while it does not run: outside keeps, and hands back. This is in the Quiet of
/// whoever picks, which is nothing where there are checkpoints.
void ExploringEngine::leave_for_checkpoint(u32 current) {
  if (is_cut() || !strategy_->wants_checkpoint()) return;
  HVO_CHECK(moments_ == nullptr, "what is recorded is of whole schedules");
  keeper_ = current;
  fibers_.hand_over(current, Fibers::kOutside);
}

void ExploringEngine::keep_checkpoint() {
  Checkpoint& c = checkpoints_->push();
  c.state = now_;
  c.decisions.assign(decisions_.get(), decisions_.get() + now_.nr_decisions);
  c.cpu = keeper_;
  fibers_.keep(c.fibers);
  if (trace_ != nullptr) trace_->keep(c.trace);
  program_->keep(checkpoints_->top_slot());
  checkpoint_at_ = checkpoints_->next_at();
}

bool ExploringEngine::has_checkpoint(const Strategy& strategy) {
  if (!keeps_for(strategy)) return false;
  checkpoints_->drop_behind(*strategy.nr_common());
  return !checkpoints_->empty();
}

End ExploringEngine::go_on(Program& program, Strategy& strategy) {
  Checkpoint& c = checkpoints_->top();
  ++c.nr_uses;
  now_ = c.state;
  nr_steps_before_ = now_.nr_steps;
  std::ranges::copy(c.decisions, decisions_.get());
  fibers_.put_back(c.fibers);
  if (trace_ != nullptr) trace_->go_back(c.trace);
  program.go_back(checkpoints_->top_slot());
  strategy.go_on_behind(now_.nr_decisions);
  begin(program, strategy);
  fibers_.go_on(c.cpu);
  return come_to_end();
}

}  // namespace hvo::stress
