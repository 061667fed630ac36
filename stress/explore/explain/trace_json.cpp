#include "stress/explore/explain/trace_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "stress/explore/engine/requests.h"

namespace hvo::stress {

namespace {

using nlohmann::json;

class Trace {
 public:
  Trace(Machine& machine, const std::vector<Moment>& moments, const Story& story)
      : machine_(machine), moments_(moments), story_(story), open_(machine.nr_cpus()) {
    set_times();
  }

  json operator()() {
    for (u32 cpu = 0; cpu < machine_.nr_cpus(); ++cpu) {
      events_.push_back({{"ph", "M"},
                         {"name", "thread_name"},
                         {"pid", 0},
                         {"tid", cpu},
                         {"args", {{"name", fmt::format("CPU {}", cpu)}}}});
      functions_of(cpu);
    }
    for (const Row& row : story_.rows) add_row(row);
    add_arrows();
    return {{"traceEvents", std::move(events_)}, {"displayTimeUnit", "ms"}};
  }

 private:
  /// Where several moments share a step they divide it: so no two are at the same time, and all nest.
  void set_times() {
    for (std::size_t i = 0; i < moments_.size();) {
      std::size_t end = i;
      while (end < moments_.size() && moments_[end].step == moments_[i].step) ++end;
      for (std::size_t k = i; k < end; ++k) {
        times_.push_back(moments_[i].step + static_cast<double>(k - i) / static_cast<double>(end - i));
      }
      i = end;
    }
    times_.push_back(moments_.empty() ? 0 : moments_.back().step + 1.0);
  }
  double time_of(std::size_t moment) const { return times_[moment]; }
  double end_of(std::size_t moment) const { return times_[moment + 1]; }

  json event(std::string_view phase, std::string_view name, u32 cpu, double time) const {
    return {{"ph", phase}, {"name", name}, {"cat", "hvo"}, {"pid", 0}, {"tid", cpu}, {"ts", time}};
  }

  void functions_of(u32 cpu) {
    std::vector<std::size_t> mine;
    for (std::size_t i = 0; i < moments_.size(); ++i) {
      if (moments_[i].cpu == cpu) mine.push_back(i);
    }
    std::vector<Op>& open = open_[cpu];
    for (std::size_t n = 0; n < mine.size(); ++n) {
      const Op op = moments_[mine[n]].op;
      const double before = n == 0 ? 0 : end_of(mine[n - 1]);
      while (!open.empty() && open.back() != op && !comes_back(mine, n, cpu)) close(cpu, before);
      if (op != Op::none && (open.empty() || open.back() != op)) {
        open.push_back(op);
        events_.push_back(event("B", op_name(op), cpu, time_of(mine[n])));
      }
    }
    while (!open.empty()) close(cpu, end_of(mine.back()));
  }
  void close(u32 cpu, double time) {
    events_.push_back(event("E", op_name(open_[cpu].back()), cpu, time));
    open_[cpu].pop_back();
  }
  /// The CPU is in the innermost open function again before it is in one further out, or in none.
  bool comes_back(const std::vector<std::size_t>& mine, std::size_t n, u32 cpu) const {
    const std::vector<Op>& open = open_[cpu];
    for (; n < mine.size(); ++n) {
      const Op op = moments_[mine[n]].op;
      if (op == open.back()) return true;
      if (op == Op::none || std::find(open.begin(), open.end(), op) != open.end()) return false;
    }
    return false;
  }

  void add_row(const Row& row) {
    if (row.what == Row::What::folded || row.what == Row::What::done) return;
    json e = event("i", row.text, row.cpu, time_of(row.moment));
    e["s"] = row.what == Row::What::violation ? "g" : "t";
    e["args"] = {{"step", row.step}, {"culprit", row.is_culprit}};
    events_.push_back(std::move(e));
  }

  /// A slice for each end, so that an arrow has something to begin and to end at.
  void add_arrows() {
    std::map<const Slot*, std::vector<u64>> asked;
    u64 next = 1;
    for (std::size_t i = 0; i < moments_.size(); ++i) {
      const Moment& m = moments_[i];
      if (m.what != Moment::What::access || m.access.kind != Kind::store) continue;
      const auto word = request_word(machine_.cpus(), m.word);
      if (!word || (!word->is_posted && !word->is_served)) continue;
      const std::string name =
          word->is_posted ? fmt::format("ask CPU {}", word->to) : fmt::format("serve CPU {}", word->from);
      json slice = event("X", name, m.cpu, time_of(i));
      slice["dur"] = end_of(i) - time_of(i);
      events_.push_back(std::move(slice));
      if (word->is_posted) {
        asked[word->slot].push_back(next);
        add_arrow("s", next++, m.cpu, i);
        continue;
      }
      for (const u64 id : asked[word->slot]) add_arrow("f", id, m.cpu, i);
      asked.erase(word->slot);
    }
  }
  void add_arrow(std::string_view phase, u64 id, u32 cpu, std::size_t moment) {
    json e = event(phase, "request", cpu, time_of(moment));
    e["id"] = id;
    if (phase == "f") e["bp"] = "e";
    events_.push_back(std::move(e));
  }

  Machine& machine_;
  const std::vector<Moment>& moments_;
  const Story& story_;
  std::vector<double> times_;  ///< one more than there are moments
  std::vector<std::vector<Op>> open_;
  json events_ = json::array();
};

}  // namespace

json trace_json(Machine& machine, const std::vector<Moment>& moments, const Story& story) {
  return Trace(machine, moments, story)();
}

}  // namespace hvo::stress
