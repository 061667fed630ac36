#include "stress/report.h"

namespace hvo::stress {

namespace {

using ull = unsigned long long;

/// Windows of a design that optimises nothing can't be hit.
bool is_asked(const RunOptions& options) { return options.machine.design->optimizes(); }

u64 nr_missed(const RunOptions& options, const RunResult& result) {
  u64 n = 0;
  for (const Event e : options.scenario->windows) n += result.events[e] == 0 ? 1 : 0;
  return is_asked(options) ? n : 0;
}

}  // namespace

int exit_code(const RunOptions& options, const RunResult& result) {
  if (result.outcomes.nr_forbidden() != 0) return 1;
  return nr_missed(options, result) != 0 ? 7 : 0;
}

void print_report(std::FILE* out, const RunOptions& options, const RunResult& result) {
  std::fprintf(out, "\n%s on %s, seed %llu: %llu operations, %llu rounds, %.1f s\n", options.scenario->name.data(),
               options.machine.design->name.data(), ull{options.seed}, ull{result.nr_ops}, ull{result.nr_rounds},
               result.seconds);
  std::fputs("\noutcomes\n", out);
  for (const Outcome& o : kOutcomes) {
    const u64 n = result.outcomes.of(o.key);
    if (n == 0) continue;
    std::fprintf(out, "%11llu %-11s %.44s\n", ull{n}, grade_name(o.grade).data(), o.why.data());
  }
  if (!result.outcomes.fixed_by.empty()) std::fprintf(out, "  hole fixed by %s\n", result.outcomes.fixed_by.data());
  for (unsigned i = 0; i < result.outcomes.nr_first; ++i) {
    const Violation& v = result.outcomes.first[i];
    std::fprintf(out, "  %s in %s on CPU %u:\n    %.66s\n", rule_name(v.rule).data(), op_name(v.op).data(), v.cpu,
                 v.what.data());
    std::fprintf(out, "    object 0x%llx expected 0x%llx seen 0x%llx\n", ull{v.object}, ull{v.expected}, ull{v.seen});
  }
  std::fputs("\nwindows\n", out);
  for (const Event e : options.scenario->windows) {
    const char* missed = is_asked(options) ? "MISSED" : "-";
    std::fprintf(out, "%11llu %-6s %.50s\n", ull{result.events[e]}, result.events[e] != 0 ? "hit" : missed,
                 kEventTexts[static_cast<unsigned>(e)].data());
  }
  std::fputs("\ncounters\n", out);
  for (unsigned i = 0; i < kNrEvents; ++i) {
    if (result.events.v[i] != 0) std::fprintf(out, "%11llu %.58s\n", ull{result.events.v[i]}, kEventTexts[i].data());
  }
  std::fprintf(out, "\nvmemmap frames saved %llu, peak at a round's end %llu\n", ull{result.frames_saved},
               ull{result.frames_saved_peak});
  std::fprintf(out, "validate: %s\n", result.outcomes.of(Key::not_valid) == 0 ? "ok" : "FAILED");
  const char* const end = result.interrupted ? " (interrupted)" : "";
  switch (exit_code(options, result)) {
    case 0: std::fprintf(out, "PASS%s\n", end); break;
    case 1: std::fprintf(out, "FORBIDDEN: %llu observations%s\n", ull{result.outcomes.nr_forbidden()}, end); break;
    default: std::fprintf(out, "VACUOUS: %llu windows missed%s\n", ull{nr_missed(options, result)}, end); break;
  }
}

bool write_json(std::FILE* out, const RunOptions& options, const RunResult& result) {
  std::fprintf(out, "{\"scenario\":\"%s\",\"design\":\"%s\",\"geometry\":\"%s\",\"seed\":%llu,\"cpus\":%u,",
               options.scenario->name.data(), options.machine.design->name.data(), options.machine.geometry.name.data(),
               ull{options.seed}, options.machine.nr_cpus);
  std::fprintf(out, "\"threads\":%u,\"operations\":%llu,\"rounds\":%llu,\"seconds\":%.3f,\"exit_code\":%d,\n",
               options.nr_threads, ull{result.nr_ops}, ull{result.nr_rounds}, result.seconds,
               exit_code(options, result));
  std::fputs("\"outcomes\":[", out);
  for (const Outcome& o : kOutcomes) {
    std::fprintf(out, "%s\n{\"key\":\"%s\",\"grade\":\"%s\",\"count\":%llu}", o.key == Key{} ? "" : ",", o.name.data(),
                 grade_name(o.grade).data(), ull{result.outcomes.of(o.key)});
  }
  std::fputs("],\n\"events\":{", out);
  for (unsigned i = 0; i < kNrEvents; ++i) {
    std::fprintf(out, "%s\n\"%s\":%llu", i == 0 ? "" : ",", kEventNames[i].data(), ull{result.events.v[i]});
  }
  std::fputs("}}\n", out);
  return std::fflush(out) == 0 && std::ferror(out) == 0;
}

}  // namespace hvo::stress
