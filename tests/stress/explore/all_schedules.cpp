#include "tests/stress/explore/all_schedules.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/base/check.h"
#include "stress/explore/engine/requests.h"
#include "stress/explore/engine/strategies.h"

namespace hvo::test {

using namespace stress;  // all that is tested here

std::set<u64> Seen::traces() const {
  std::set<u64> all;
  for (const auto& [trace, state] : ends) all.insert(trace);
  return all;
}

MachineConfig config_of(const SmallRace& race) {
  MachineConfig c;
  c.geometry = *find_geometry("tiny");
  c.design = find_design(race.design);
  c.flush_by = race.flush_by;
  c.ll_sc = race.ll_sc;
  c.safeguards = race.safeguards;
  return c;
}

MakeSubject maker_of(const SmallRace& race) {
  return [race] {
    std::vector<const SmallOp*> ops;
    for (std::string_view rest = race.ops; !rest.empty();) {
      const auto plus = std::min(rest.find('+'), rest.size());
      ops.push_back(find_small_op(rest.substr(0, plus)));
      rest.remove_prefix(std::min(plus + 1, rest.size()));
    }
    return make_small_subject(config_of(race), ops);
  };
}

std::unique_ptr<Subject> make_subject(const SmallRace& race) {
  auto made = maker_of(race)();
  if (!made) check_failed(made.error().c_str(), "a subject of a test");
  return std::move(*made);
}

namespace {

WordNumbers words_of(const Subject& subject) {
  const Machine& m = subject.machine();
  return {m.arena().bytes().size(), m.memory().bytes().size(), m.frame_table().page_shift};
}

/// The trace where what serves a request is an actor of its own.
u64 trace_but_for_interrupts(const Subject& subject, TraceHash& hash, const std::vector<Moment>& moments) {
  constexpr u32 kHandlerOf = 4;
  const Machine& m = subject.machine();
  hash.start();
  for (const Moment& moment : moments) {
    if (moment.what != Moment::What::access || moment.access.order == MemoryOrder::plain) continue;
    const auto request = request_word(m.cpus(), moment.word);
    const u32 actor = request && request->to == moment.cpu ? moment.cpu + kHandlerOf : moment.cpu;
    const auto in_memory = static_cast<u64>(static_cast<const std::byte*>(moment.word) - m.frame_table().memory);
    WordNumber number = in_memory < m.memory().bytes().size() ? hash.words().of_memory(in_memory)
                                                              : hash.words().of_arena(m.arena().offset_of(moment.word));
    u64 left = moment.access.kind == Kind::load_line ? moment.access.size / sizeof(u64) : 1;
    for (; left != 0; --left, ++number.index) hash.note(actor, number, moment.access.is_write(), moment.result);
  }
  return hash.value();
}

void note(Subject& subject, const ExploringEngine& engine, End end, Seen& seen) {
  std::string outcome = fmt::format("end {}", static_cast<int>(end));
  for (u32 i = 0; i < subject.nr_cpus(); ++i) {
    const ViolationLog& log = subject.machine().diagnostics(i).violations;
    for (unsigned k = 0; k < log.nr_kept; ++k) {
      outcome += fmt::format(", CPU {} rule {} in {}", i, static_cast<int>(log.first[k].rule),
                             static_cast<int>(log.first[k].op));
    }
  }
  Outcomes outcomes;
  EventCounts events;
  // Without the trace: each schedule is looked at as if it were the first of its kind.
  subject.judge(end, outcomes, events, 0);
  for (const Outcome& o : kOutcomes) {
    if (outcomes.of(o.key) != 0) outcome += fmt::format(", {}", o.name);
  }
  ++seen.nr_schedules;
  seen.outcomes.insert(outcome);
  if (end != End::done) return;
  seen.states.insert(subject.last_state());
  seen.ends.emplace(engine.trace(), subject.last_state());
}

Seen one_pass(Subject& subject, u32 preemptions, Footprints* footprints, const EngineOptions& options) {
  Seen seen;
  ExploringEngine engine(subject.machine().cpus(), options);
  engine.note_frames(subject.snapshot().dirty_frames());
  engine.hash_traces(words_of(subject));
  engine.skip_what_meets_nobody(footprints);
  std::vector<Moment> moments;
  engine.record(&moments);
  TraceHash hash(words_of(subject));
  DepthFirst strategy(preemptions);
  while (strategy.begin()) {
    subject.restart(0);
    moments.clear();
    const End end = engine.run(subject, strategy);
    seen.traces_but_for_interrupts.insert(trace_but_for_interrupts(subject, hash, moments));
    note(subject, engine, end, seen);
  }
  return seen;
}

}  // namespace

Seen all_schedules(Subject& subject, u32 preemptions, bool reduced, const EngineOptions& options) {
  if (!reduced) return one_pass(subject, preemptions, nullptr, options);
  Footprints footprints(words_of(subject));
  Seen seen;
  for (u32 bound = 0; bound <= preemptions; ++bound) {
    do {
      seen = one_pass(subject, bound, &footprints, options);
    } while (footprints.take_growth());
  }
  return seen;
}

}  // namespace hvo::test
