#include "tests/litmus/step_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace hvo {

namespace {

constexpr std::size_t kColumn = 44;

std::string_view field_name(u64 offset) {
  switch (offset) {
    case page_field::flags: return "flags";
    case page_field::compound_head: return "compound_head";
    case page_field::compound_meta: return "compound_meta";
    case page_field::mapping: return "mapping";
    case page_field::index: return "index";
    case page_field::priv: return "private";
    case page_field::mapcount: return "mapcount";
    case page_field::refcount: return "refcount";
    default: return "memcg_data";
  }
}

std::string pte_text(u64 v) {
  const Pte pte{v};
  return pte.is_present() ? fmt::format("frame {} {}", pte.frame().v, pte.is_writable() ? "rw" : "ro") : "nothing";
}

std::string pmd_text(u64 v) {
  const Pmd pmd{v};
  if (pmd.is_leaf()) return fmt::format("leaf, frames from {} rw", pmd.frame().v);
  return pmd.is_table() ? fmt::format("table in frame {}", pmd.frame().v) : "nothing";
}

std::string page_text(u64 v) { return v < 1000 ? fmt::format("{}", v) : fmt::format("{:#x}", v); }

/// What an access did to a word of that name, values as `text` shows them.
template <class Text>
std::string deed(const Access& a, u64 result, const std::string& name, Text text) {
  switch (a.kind) {
    case Kind::walker_load: return fmt::format("walk: {} is {}", name, text(result));
    case Kind::store: return fmt::format("{} = {}", name, text(a.operand));
    case Kind::fetch_add: {
      const u64 sum = static_cast<u32>(result + a.operand);
      return fmt::format("{} {}→{}", name, text(result), text(sum));
    }
    case Kind::fetch_or: return fmt::format("{} |= {}", name, text(a.operand));
    case Kind::fetch_and: return fmt::format("{} &= {}", name, text(a.operand));
    case Kind::exchange: return fmt::format("{} = {}, was {}", name, text(a.operand), text(result));
    case Kind::cmpxchg:
      return fmt::format("cmpxchg {} {}→{}: saw {}", name, text(a.expected), text(a.operand), text(result));
    case Kind::load_line: return fmt::format("{}: copied", name);
    default: return fmt::format("{} is {}", name, text(result));
  }
}

/// The name of what CPUs ask of each other, by the operation that asks.
std::string_view request_name(Op op) {
  switch (op) {
    case Op::synchronize_rcu: return "a quiescent state";
    case Op::static_key: return "core synchronisation";
    default: return "a TLB flush";
  }
}

class StepTable {
 public:
  explicit StepTable(WalkerRace& race) : race_(race), machine_(race.machine()) {
    const Geometry& g = machine_.config().geometry;
    const u64 first = machine_.vmemmap().page_of(race.folio()).va;
    cpu_.run();
    for (u64 i = 0; i < g.vmemmap_pages(race.order()); ++i) {
      const u64 va = first + i * g.page_size();
      PageTable& table = machine_.page_table();
      Word<u64>& pmd_word = table.pmd_word(va);
      const Pmd pmd{cpu_.read_once(pmd_word)};
      pmds_[&pmd_word] = i >> g.table_shift;
      if (pmd.is_table()) ptes_[&table.pte_word(pmd.frame(), va)] = i;
    }
    cpu_.idle();
  }

  std::string operator()(const std::vector<Moment>& moments) {
    line("step", "CPU 0: frees the page, makes a hugepage", "CPU 1: the walker");
    line("----", std::string(kColumn, '-'), std::string(kColumn, '-'));
    for (const Moment& m : moments) add(m);
    flush_skipped();
    return std::move(text_);
  }

 private:
  void line(std::string_view step, std::string_view left, std::string_view right) {
    const std::string row = fmt::format("{:>4}  {:<{}}  {}", step, left, kColumn, right);
    text_ += row.substr(0, row.find_last_not_of(' ') + 1) + "\n";
  }
  void say(u32 cpu, const std::string& what) {
    flush_skipped();
    line(fmt::format("{}", nr_steps_), cpu == 0 ? what : "", cpu == 0 ? "" : what);
  }
  /// A step that is not shown.
  void skip(const Moment& m) {
    if (nr_skipped_ != 0 && skipping_ != m.cpu) flush_skipped();
    skipping_ = m.cpu;
    ++nr_skipped_;
    const std::string_view op = op_name(m.said.op);
    if (skipped_ops_.empty() || skipped_ops_.back() != op) skipped_ops_.push_back(op);
  }
  void flush_skipped() {
    if (nr_skipped_ == 0) return;
    std::string what = fmt::format("({} step{}: {}", nr_skipped_, nr_skipped_ == 1 ? "" : "s", skipped_ops_.front());
    if (skipped_ops_.size() > 1 && what.size() + skipped_ops_.back().size() + 4 < kColumn) {
      what += fmt::format(" … {}", skipped_ops_.back());
    }
    what += ")";
    nr_skipped_ = 0;
    skipped_ops_.clear();
    line("", skipping_ == 0 ? what : "", skipping_ == 0 ? "" : what);
  }

  void add(const Moment& m) {
    switch (m.said.why) {
      case HandBack::Why::step:
        ++nr_steps_;
        if (m.said.access.kind != Kind::walker_load) last_step_[m.cpu] = m.said.access;
        return;
      case HandBack::Why::did: did(m); return;
      case HandBack::Why::wait: say(m.cpu, fmt::format("waits: {}", wait_name(m.said.wait_for))); return;
      case HandBack::Why::violation: violation(m); return;
      case HandBack::Why::done: say(m.cpu, "done"); return;
    }
  }
  void violation(const Moment& m) {
    const Access& a = last_step_[m.cpu];
    say(m.cpu, fmt::format("{} {}: {}→{}", a.kind == Kind::cmpxchg ? "cmpxchg" : "store", page_name(a.object),
                           a.expected, a.operand));
    say(m.cpu, fmt::format("  {}: the page is read-only, TRAP", rule_name(m.said.violation.rule)));
  }
  void did(const Moment& m) {
    if (request(m)) return;
    const Access& a = m.said.access;
    // What nobody else can see is no step.
    if (a.kind == Kind::plain_load || a.kind == Kind::plain_store || a.kind == Kind::fill_frame) return;
    const auto pte = ptes_.find(m.said.word);
    const auto pmd = pmds_.find(m.said.word);
    const bool is_page_table = pte != ptes_.end() || pmd != pmds_.end();
    if (is_page_table && (a.is_write() || m.cpu != 0)) {
      say(m.cpu, pte != ptes_.end() ? deed(a, m.said.result, fmt::format("PTE[{}]", pte->second), pte_text)
                                    : deed(a, m.said.result, fmt::format("PMD[{}]", pmd->second), pmd_text));
    } else if (a.space == Space::vmemmap && is_watched(m)) {
      say(m.cpu, deed(a, m.said.result, page_name(a.object), page_text));
    } else if (m.cpu != 0 && m.said.word == &machine_.vmemmap().key().enabled_word()) {
      say(m.cpu, deed(a, m.said.result, "static key", page_text));
    } else {
      skip(m);
    }
  }
  /// The walker's struct pages; and the words of others that show through them.
  bool is_watched(const Moment& m) {
    if (m.cpu != 0) return true;
    const u64 page = machine_.vmemmap().page_of(race_.page()).va;
    const bool is_page = m.said.access.object - page < kStructPageSize;
    const u64 head = machine_.vmemmap().page_of(race_.folio()).va;
    const bool is_count = m.said.access.object == head + page_field::refcount;
    const bool is_own = m.said.access.object != page + page_field::mapping;
    return (is_page && is_own && (m.said.access.is_write() || m.said.access.object == page + page_field::refcount)) ||
           (is_count && m.said.access.is_write());
  }
  std::string page_name(u64 va) const {
    const Pfn pfn = machine_.vmemmap().pfn_of({va});
    return fmt::format("page[{}].{}", pfn.v, field_name((va - machine_.vmemmap().page_of({0}).va) % kStructPageSize));
  }
  /// Posts and answers; true if the moment was one.
  bool request(const Moment& m) {
    for (u32 to = 0; to < machine_.nr_cpus(); ++to) {
      const CpuWiring& w = machine_.cpu(to).wiring();
      for (const std::span<Slot> slots : {w.mailbox, w.tlbi}) {
        for (u32 from = 0; from < slots.size(); ++from) {
          if (m.said.word == &slots[from].posted) return posted(m, to, &slots[from]);
          if (m.said.word == &slots[from].served) return served(m, from, &slots[from]);
        }
      }
    }
    return false;
  }
  bool posted(const Moment& m, u32 to, const Slot* slot) {
    if (m.said.access.kind != Kind::store) return true;
    asked_[slot] = m.said.op;
    say(m.cpu, fmt::format("asks CPU {} for {}", to, request_name(m.said.op)));
    return true;
  }
  bool served(const Moment& m, u32 from, const Slot* slot) {
    if (!m.said.access.is_write()) return true;
    say(m.cpu, fmt::format("serves CPU {}: {}", from, request_name(asked_[slot])));
    return true;
  }

  WalkerRace& race_;
  Machine& machine_;
  Cpu& cpu_ = machine_.cpu(0);
  std::map<const void*, u64> pmds_;
  std::map<const void*, u64> ptes_;
  std::map<const Slot*, Op> asked_;
  std::array<Access, 2> last_step_{};
  u64 nr_steps_ = 0;
  u32 skipping_ = 0;
  u64 nr_skipped_ = 0;
  std::vector<std::string_view> skipped_ops_;
  std::string text_;
};

}  // namespace

std::string step_table(WalkerRace& race, const std::vector<Moment>& moments) { return StepTable(race)(moments); }

}  // namespace hvo
