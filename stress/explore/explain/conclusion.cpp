#include "stress/explore/explain/conclusion.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "stress/explore/explain/deeds.h"
#include "stress/explore/explain/lines.h"
#include "stress/explore/explain/values.h"

namespace hvo::stress {

namespace {

std::string_view rule_text(Rule rule) {
  switch (rule) {
    case Rule::wrong_head: return "A lookup answers what was true at some moment while it ran.";
    case Rule::read_only_store:
      return "Nobody stores to a page that is mapped read-only. A compare-exchange is a store there even if it fails.";
    case Rule::stale_translation:
      return "Every access goes to the frame that the page tables name, or named until a flush that is not yet over.";
    case Rule::bad_page: return "A struct page that is freed is in the state in which its next owner expects it.";
    case Rule::conservation:
      return "Frames, pages, flags and page tables add up: nothing is lost, nothing is there twice.";
    case Rule::lock_order: return "Locks are taken in their order, and nobody sleeps or waits where that is illegal.";
    case Rule::range: return "Numbers stay in their range: no leaf is taken for a table, no count falls below zero.";
    case Rule::cost: return "An operation flushes, waits and splits no more often than its design allows.";
    case Rule::break_before_make:
      return "A valid translation is made invalid, and flushed, before another one takes its place.";
  }
  return "?";
}

std::string who(u32 cpu, Op op) { return fmt::format("CPU {} ({})", cpu, op_name(op)); }

/// What a wrong address or number is, if it is in the vmemmap.
std::string head_text(const ObjectNames& names, u64 va) {
  const std::string name = names.page_or_number(va);
  return name.substr(0, name.find('.'));
}

class Finder {
 public:
  Finder(Machine& machine, const std::vector<Moment>& moments)
      : machine_(machine), moments_(moments), memory_(machine), names_(memory_, moments) {}

  Conclusion operator()(const Violation& v) {
    // As memory was when it was reported.
    for (const Moment& m : moments_) {
      const bool is_it = m.what == Moment::What::violation && m.cpu == v.cpu && m.violation.rule == v.rule &&
                         m.violation.object == v.object;
      if (is_it) {
        reported_ = &m;
        break;
      }
      memory_.happened(m);
    }
    Conclusion f{.name = std::string(rule_name(v.rule)), .rule = std::string(rule_text(v.rule))};
    say(v, f);
    for (const KnownHole& hole : machine_.design().holes) {
      if (hole.rule != v.rule || hole.op != v.op) continue;
      f.known = fmt::format("a known hole of {} ({}): {}; {}", machine_.design().name, machine_.design().kernels,
                            hole.why, hole.fixed_by == kOpen ? "open" : fmt::format("fixed by {}", hole.fixed_by));
      break;
    }
    return f;
  }

  Conclusion deadlock() {
    std::array<const Moment*, kMaxCpus> last{};
    for (const Moment& m : moments_) {
      memory_.happened(m);
      last[m.cpu] = &m;
    }
    Conclusion f{.name = "deadlock", .rule = "Whoever waits is waited for by nobody that it waits for."};
    f.expected = "every CPU comes to the end of what it does";
    for (const Moment* m : last) {
      if (m == nullptr || m->what == Moment::What::done) continue;
      f.seen += (f.seen.empty() ? "" : "; ") + who(m->cpu, m->op) + " " + state_text(*m);
    }
    return f;
  }

 private:
  void say(const Violation& v, Conclusion& f) const {
    switch (v.rule) {
      case Rule::read_only_store: return say_trap(v, f);
      case Rule::wrong_head:
        f.expected = fmt::format("{} is the head of {}", head_text(names_, v.expected), head_text(names_, v.object));
        f.seen = fmt::format("{} found {} ({})", who(v.cpu, v.op), head_text(names_, v.seen), v.what);
        return;
      case Rule::stale_translation:
        f.expected = fmt::format("the frame behind {} is still its own", names_.page_or_number(v.object));
        f.seen = fmt::format("{}: {}: {}, {}", who(v.cpu, v.op), v.what, v.expected, v.seen);
        return;
      case Rule::bad_page: return say_bad_page(v, f);
      case Rule::lock_order:
        f.expected = "no such thing";
        f.seen = fmt::format("{}: {}{}", who(v.cpu, v.op), v.what, ranks_text(v));
        return;
      default:
        f.expected = names_.page_or_number(v.expected);
        f.seen = fmt::format("{}, by {}: {} (about {})", names_.page_or_number(v.seen), who(v.cpu, v.op), v.what,
                             names_.page_or_number(v.object));
    }
  }
  void say_trap(const Violation& v, Conclusion& f) const {
    const Object object = names_.of_address(v.object);
    f.expected = fmt::format("{} is mapped read-write when {} stores to it", object.name, who(v.cpu, v.op));
    const std::string tried = reported_ == nullptr ? "" : attempt_text(machine_, reported_->access, object);
    const auto pte = memory_.pte_at(v.object);
    const Object entry{.kind = Object::Kind::pte};
    f.seen = fmt::format("{} trapped: its PTE is {}; a real kernel would have oopsed",
                         tried.empty() ? "the store" : tried, pte ? value_text(machine_, entry, pte->v) : "read-only");
  }
  /// Which word it was is known by the load that saw it.
  void say_bad_page(const Violation& v, Conclusion& f) const {
    Object object = names_.of_address(v.object);
    object.kind = Object::Kind::other;
    object.name = head_text(names_, v.object);
    for (auto m = moments_.rbegin(); m != moments_.rend(); ++m) {
      const bool is_read = m->what == Moment::What::access && m->cpu == v.cpu && m->access.space == Space::vmemmap &&
                           m->access.object - v.object < kStructPageSize && m->result == v.seen;
      if (!is_read) continue;
      object = names_.of(*m);
      break;
    }
    f.expected = fmt::format("{} is {}", object.name, value_text(machine_, object, v.expected));
    f.seen = fmt::format("{}, by {}: {}", value_text(machine_, object, v.seen), who(v.cpu, v.op), v.what);
  }
  static std::string ranks_text(const Violation& v) {
    std::string text;
    for (const u64 rank : {v.object, v.expected}) {
      LockRank r;
      r.v = static_cast<u16>(rank);
      if (rank < 16 || lock_class_name(r.lock_class()) == "?") continue;
      text += (text.empty() ? " [" : ", while it has ") + std::string(lock_class_name(r.lock_class()));
    }
    return text.empty() ? text : text + "]";
  }
  std::string state_text(const Moment& m) const {
    if (m.what != Moment::What::wait) return "could not go on";
    return wait_text(machine_, m, names_.of_word(m.word), memory_.read(m.word, sizeof(u32)));
  }

  Machine& machine_;
  const std::vector<Moment>& moments_;
  PastMemory memory_;
  ObjectNames names_;
  const Moment* reported_ = nullptr;
};

}  // namespace

Conclusion conclusion_of(const Violation& violation, Machine& machine, const std::vector<Moment>& moments) {
  return Finder(machine, moments)(violation);
}

Conclusion conclusion_of_deadlock(Machine& machine, const std::vector<Moment>& moments) {
  return Finder(machine, moments).deadlock();
}

std::string conclusion_text(const Conclusion& f, std::size_t columns) {
  std::string text;
  const auto add = [&](std::string_view title, const std::string& what) {
    if (what.empty()) return;
    bool is_first = true;
    for (const std::string& line : lines_of_width(what, columns - 12)) {
      text += fmt::format("{:<12}{}\n", is_first ? title : "", line);
      is_first = false;
    }
  };
  add("rule:", f.name + ": " + f.rule);
  add("expected:", f.expected);
  add("seen:", f.seen);
  add("known:", f.known);
  return text;
}

nlohmann::json conclusion_json(const Conclusion& f) {
  nlohmann::json j{{"name", f.name}, {"rule", f.rule}, {"expected", f.expected}, {"seen", f.seen}};
  if (!f.known.empty()) j["known_hole"] = f.known;
  return j;
}

}  // namespace hvo::stress
