#include "stress/explore/search/shrink.h"

#include <algorithm>

namespace hvo::stress {

namespace {

std::size_t nr_set(const std::vector<u8>& decisions) {
  return static_cast<std::size_t>(std::ranges::count_if(decisions, [](u8 d) { return d != 0; }));
}

/// Tries schedules of one subject against one failure.
class Tryer {
 public:
  Tryer(Subject& subject, const EngineOptions& options, const Failure& failure, Witness& witness)
      : subject_(subject), options_(options), failure_(failure), witness_(witness) {}

  /// Takes these decisions over if the failure comes again, and they are fewer or lead to fewer steps.
  bool accept(const std::vector<u8>& decisions) {
    ++nr_tries_;
    const Replayed r = replay(subject_, options_, variant_of(witness_.strategy, witness_.index), decisions, nullptr);
    if (!is_same(failure_, r.outcomes)) return false;
    const std::size_t before = nr_set(witness_.decisions);
    const std::size_t after = nr_set(decisions);
    if (after > before || (after == before && r.nr_steps >= witness_.nr_steps)) return false;
    witness_.decisions = decisions;
    witness_.end = r.end;
    witness_.outcomes = r.outcomes;
    witness_.state_hash = r.state_hash;
    witness_.nr_steps = r.nr_steps;
    return true;
  }
  u64 nr_tries() const { return nr_tries_; }

 private:
  Subject& subject_;
  const EngineOptions& options_;
  const Failure& failure_;
  Witness& witness_;
  u64 nr_tries_ = 0;
};

/// Where the decisions are not the default.
std::vector<std::size_t> places(const std::vector<u8>& decisions) {
  std::vector<std::size_t> p;
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    if (decisions[i] != 0) p.push_back(i);
  }
  return p;
}

/// Half of them, then quarters, down to one at a time, until nothing can be left out.
void drop_decisions(Tryer& tryer, Witness& witness) {
  bool again = true;
  while (again) {
    again = false;
    for (std::size_t size = std::max<std::size_t>(1, places(witness.decisions).size() / 2); size != 0; size /= 2) {
      for (std::size_t first = 0; first < places(witness.decisions).size();) {
        const auto at = places(witness.decisions);
        std::vector<u8> fewer = witness.decisions;
        for (std::size_t i = first; i < std::min(first + size, at.size()); ++i) fewer[at[i]] = 0;
        if (tryer.accept(fewer)) {
          again = true;
        } else {
          first += size;
        }
      }
    }
  }
}

/// The same search on a smaller program; the witness if it comes again.
std::optional<Witness> search_smaller(const ExploreOptions& options, const Failure& failure, double seconds) {
  SearchOptions s = options.search;
  s.seconds = seconds;
  s.nr_schedules = 0;
  s.find = failure.key;
  s.stops_at_witness = true;
  s.check_determinism = false;
  const auto result = search(subject_maker(options), s);
  if (!result || !result->witness || !is_same(failure, result->witness->outcomes)) return std::nullopt;
  return result->witness;
}

void shrink_program(ExploreOptions& options, const Failure& failure, Witness& witness, double seconds) {
  const auto accept = [&](const ExploreOptions& smaller) {
    const auto found = search_smaller(smaller, failure, seconds);
    if (!found) return false;
    options = smaller;
    witness = *found;
    return true;
  };
  while (options.nr_ops > 1) {
    ExploreOptions smaller = options;
    smaller.nr_ops = options.nr_ops / 2;
    if (accept(smaller)) continue;
    smaller.nr_ops = options.nr_ops - 1;
    if (smaller.nr_ops == options.nr_ops / 2 || !accept(smaller)) break;
  }
  while (options.machine.nr_cpus > 2) {
    ExploreOptions smaller = options;
    --smaller.machine.nr_cpus;
    if (!accept(smaller)) break;
  }
}

}  // namespace

Failure failure_of(const Outcomes& outcomes, const std::optional<Key>& find) {
  Failure f;
  if (find && outcomes.of(*find) != 0) f.key = find;
  for (const Outcome& o : kOutcomes) {
    if (!f.key && o.grade == Grade::forbidden && outcomes.of(o.key) != 0) f.key = o.key;
  }
  if (f.key == Key::violation && outcomes.nr_first != 0) {
    f.rule = outcomes.first[0].rule;
    f.op = outcomes.first[0].op;
  }
  return f;
}

bool is_same(const Failure& failure, const Outcomes& outcomes) {
  if (!failure.key || outcomes.of(*failure.key) == 0) return false;
  if (failure.key != Key::violation || failure.op == Op::none) return true;
  const auto first = std::span(outcomes.first).first(outcomes.nr_first);
  return std::ranges::any_of(first,
                             [&failure](const Violation& v) { return v.rule == failure.rule && v.op == failure.op; });
}

std::expected<Shrunk, std::string> shrink(ExploreOptions& options, const Witness& witness, double seconds) {
  Shrunk s{.witness = witness, .nr_switches_before = nr_set(witness.decisions)};
  const Failure failure = failure_of(witness.outcomes, options.search.find);
  if (options.scenario != nullptr) shrink_program(options, failure, s.witness, seconds);
  auto subject = subject_maker(options)();
  if (!subject) return std::unexpected(subject.error());
  Tryer tryer(**subject, options.search.engine, failure, s.witness);
  drop_decisions(tryer, s.witness);
  s.nr_tries = tryer.nr_tries();
  s.nr_ops = options.nr_ops;
  s.nr_cpus = options.machine.nr_cpus;
  s.nr_switches_after = nr_set(s.witness.decisions);
  return s;
}

}  // namespace hvo::stress
