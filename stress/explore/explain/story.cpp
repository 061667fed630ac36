#include "stress/explore/explain/story.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "stress/explore/explain/deeds.h"
#include "stress/explore/explain/values.h"

namespace hvo::stress {

namespace {

bool is_private(const Access& a) {
  return a.kind == Kind::plain_load || a.kind == Kind::plain_store || a.kind == Kind::fill_frame;
}

/// Goes through the moments once, and says of each in words what it was; then folds what does not matter.
class Teller {
 public:
  Teller(Machine& machine, const std::vector<Moment>& moments, const Culprits& culprits)
      : machine_(machine),
        moments_(moments),
        memory_(machine),
        names_(memory_, moments),
        places_(culprits, machine, moments) {
    for (const Moment& m : moments) {
      has_grace_period_ = has_grace_period_ || (m.asked & kRequestQuiesce) != 0;
      if (m.what != Moment::What::access || !m.access.is_write() || !places_.is_pmd(m.word)) continue;
      pmd_writers_ |= u64{1} << m.cpu;
    }
  }

  Story operator()() {
    for (std::size_t i = 0; i < moments_.size(); ++i) {
      note_switch(i);
      note_entry(i);
      add(i);
      note_exit(i);
      memory_.happened(moments_[i]);
    }
    return {.nr_cpus = machine_.nr_cpus(), .rows = fold()};
  }

 private:
  struct Entry {
    Row row;
    bool is_shown = false;
    bool is_step = true;
  };
  struct Held {
    const void* word = nullptr;
    std::size_t entry = 0;
  };
  /// What is known of a CPU as far as the story has come.
  struct Acting {
    std::vector<Held> held;
    const void* waits_on = nullptr;  ///< the last that it did was to wait for it
    bool has_only_served = true;     ///< since it was switched to
  };

  Row row_of(std::size_t i, Row::What what, std::string text) const {
    const Moment& m = moments_[i];
    return {
        .what = what, .cpu = m.cpu, .step = m.step, .op = m.op, .last_op = m.op, .moment = i, .text = std::move(text)};
  }
  Entry& show(Row row) {
    entries_.push_back({.row = std::move(row), .is_shown = true, .is_step = false});
    return entries_.back();
  }

  /// The CPU of the moment before was in the middle of something.
  void note_switch(std::size_t i) {
    if (i == 0 || moments_[i - 1].cpu == moments_[i].cpu) return;
    const Moment& last = moments_[i - 1];
    const bool could_go_on = last.what != Moment::What::wait && last.what != Moment::What::done;
    if (could_go_on && !cpus_[last.cpu].has_only_served) {
      Row row = row_of(i - 1, Row::What::preempted, "-- preempted --");
      row.step = moments_[i].step;
      show(std::move(row));
    }
    cpus_[moments_[i].cpu].has_only_served = true;
  }

  /// What the CPU of a moment did next; null: nothing.
  const Moment* next_of(std::size_t i) const {
    const auto next = std::find_if(moments_.begin() + static_cast<std::ptrdiff_t>(i) + 1, moments_.end(),
                                   [&](const Moment& m) { return m.cpu == moments_[i].cpu; });
    return next == moments_.end() ? nullptr : &*next;
  }
  // Read sections, where somebody waits for them: entered where the CPU went on, left right behind its last access.
  void note_entry(std::size_t i) {
    const Moment& m = moments_[i];
    if (!has_grace_period_ || m.what != Moment::What::section) return;
    const Moment* const next = next_of(i);
    const bool enters =
        m.rcu_depth == 1 && next != nullptr && next->what != Moment::What::section && next->rcu_depth != 0;
    if (enters) show(row_of(i, Row::What::section, "rcu_read_lock"));
  }
  void note_exit(std::size_t i) {
    const Moment& m = moments_[i];
    if (!has_grace_period_ || m.what != Moment::What::access || m.rcu_depth == 0) return;
    const Moment* const next = next_of(i);
    const bool leaves = (next == nullptr || next->rcu_depth == 0) &&
                        (next == nullptr || next->what == Moment::What::access || next->what == Moment::What::done);
    if (leaves) show(row_of(i, Row::What::section, "rcu_read_unlock"));
  }

  void add(std::size_t i) {
    const Moment& m = moments_[i];
    Acting& cpu = cpus_[m.cpu];
    switch (m.what) {
      case Moment::What::access: add_access(i); break;
      case Moment::What::wait: add_wait(i); break;
      case Moment::What::choice:
        if (m.result != 0) show(row_of(i, Row::What::choice, choice_text(i)));
        break;
      case Moment::What::violation: add_violation(i); break;
      case Moment::What::section: break;
      case Moment::What::done: show(row_of(i, Row::What::done, "done")); break;
    }
    const bool serves = m.what == Moment::What::access && request_word(machine_.cpus(), m.word).has_value() &&
                        (m.access.kind != Kind::store || is_answer(m));
    // At the door of a read section it may serve first, and comes there again.
    if (!serves && m.what != Moment::What::section) cpu.has_only_served = false;
  }
  bool is_answer(const Moment& m) const { return request_word(machine_.cpus(), m.word)->is_served; }

  void add_wait(std::size_t i) {
    const Moment& m = moments_[i];
    // An interrupt ends a wait, and it is begun again.
    if (std::exchange(cpus_[m.cpu].waits_on, m.word) == m.word) return;
    const Object object = names_.of_word(m.word);
    Row row = row_of(i, Row::What::wait, wait_text(machine_, m, object, memory_.read(m.word, sizeof(u32))));
    row.object = object.name;
    show(std::move(row));
  }

  void add_violation(std::size_t i) {
    const Moment& m = moments_[i];
    const bool is_address = memory_.is_mapped_address(m.violation.object);
    const Object object = is_address ? names_.of_address(m.violation.object) : Object{};
    const std::string tried = attempt_text(machine_, m.access, object);
    const bool is_trap = m.violation.rule == Rule::read_only_store;
    std::string text = is_trap ? (tried.empty() ? "store to " + object.name : tried) + ": TRAP"
                               : fmt::format("VIOLATION {}", rule_name(m.violation.rule));
    Row row = row_of(i, Row::What::violation, std::move(text));
    row.object = object.name;
    row.is_culprit = true;
    show(std::move(row));
  }

  /// The address that this CPU accesses next; 0: none.
  u64 next_address(std::size_t i) const {
    const u8 cpu = moments_[i].cpu;
    for (++i; i < moments_.size(); ++i) {
      const Moment& m = moments_[i];
      if (m.cpu != cpu || (m.what == Moment::What::access && m.access.kind == Kind::walker_load)) continue;
      if (m.what == Moment::What::violation) return m.violation.object;
      if (m.what == Moment::What::access) return m.access.space == Space::vmemmap ? m.access.object : 0;
      if (m.what == Moment::What::done) return 0;
    }
    return 0;
  }
  std::string choice_text(std::size_t i) const {
    if (moments_[i].choice == Choice::alloc_fails) return "the allocation fails";
    const u64 va = next_address(i);
    const u64 page = align_down(va, machine_.config().geometry.page_size());
    return va == 0 ? "a TLB entry is evicted"
                   : "TLB evicts " + names_.pages(page, page + machine_.config().geometry.page_size() - 1);
  }

  void add_access(std::size_t i) {
    const Moment& m = moments_[i];
    if (const auto word = request_word(machine_.cpus(), m.word)) {
      if (word->is_posted || word->is_served) return add_request(i, *word);
    }
    const bool touches = places_.is_touched_by(m, memory_.frame_bytes());
    const bool is_pte = places_.is_pte(m.word);
    const bool matters = touches || is_pte || matters_as_pmd(i);
    if (is_private(m.access) && !matters) return;
    const Object object = names_.of(m);
    const Deed deed = deed_of(machine_, m, object, memory_.read(m.word, m.access.size));
    Row row = row_of(i, Row::What::access, deed.text);
    row.object = object.name;
    row.before = deed.before;
    row.after = deed.after;
    row.is_culprit = touches || (is_pte && m.access.is_write());
    entries_.push_back({.row = std::move(row), .is_shown = matters, .is_step = !is_private(m.access)});
    note_locks(m, object, touches || is_pte ? Matters::much : matters ? Matters::as_pmd : Matters::not_at_all);
    if (m.access.kind != Kind::load) cpus_[m.cpu].waits_on = nullptr;
    if (matters && m.access.kind == Kind::walker_load) join_walk();
  }
  /// A walk that looks for a culprit; a PMD that changes, or that another CPU changes.
  bool matters_as_pmd(std::size_t i) const {
    const Moment& m = moments_[i];
    if (!places_.is_pmd(m.word)) return false;
    if (m.access.kind == Kind::walker_load) return places_.is_in_page_of(next_address(i));
    return m.access.is_write() || (pmd_writers_ & ~(u64{1} << m.cpu)) != 0;
  }
  /// The two loads of a walk on one line, if nobody came between.
  void join_walk() {
    if (entries_.size() < 2) return;
    const Row& pte = entries_.back().row;
    Row& pmd = entries_[entries_.size() - 2].row;
    const bool follows = pmd.moment + 1 == pte.moment && pmd.cpu == pte.cpu && pmd.text.starts_with("walk: PMD");
    if (!follows || !pte.text.starts_with("walk: PTE")) return;
    pmd.text = fmt::format("walk: {} = {}", pte.object, pte.after);
    pmd.object += ", " + pte.object;
    pmd.after += ", " + pte.after;
    pmd.is_culprit = pmd.is_culprit || pte.is_culprit;
    pmd.nr_steps = 2;
    entries_.pop_back();
  }
  enum class Matters : u8 { not_at_all, as_pmd, much };
  /// A lock that is held while something happens that matters is a part of the story.
  void note_locks(const Moment& m, const Object& object, Matters matters) {
    std::vector<Held>& held = cpus_[m.cpu].held;
    switch (lock_deed(m, object)) {
      case LockDeed::takes: held.push_back({m.word, entries_.size() - 1}); return;
      case LockDeed::lets_go: {
        const auto it = std::ranges::find(held, m.word, &Held::word);
        if (it == held.end()) return;
        const Entry& taken = entries_[it->entry];
        if (!entries_.back().is_shown && taken.is_shown) {
          entries_.back().is_shown = true;
          entries_.back().row.is_aside = true;  // where it was taken says what the lock is about
        }
        held.erase(it);
        return;
      }
      case LockDeed::none: break;
    }
    if (matters == Matters::not_at_all || !(m.access.is_write() || m.access.space == Space::vmemmap)) return;
    for (const Held& h : held) {
      Entry& taken = entries_[h.entry];
      taken.row.is_aside = matters == Matters::as_pmd && (taken.row.is_aside || !taken.is_shown);
      taken.is_shown = true;
    }
  }

  void add_request(std::size_t i, const RequestWord& word) {
    const Moment& m = moments_[i];
    Moment asked = m;
    // What another request of the same CPU left in the slot is not asked for now.
    if (word.is_posted && m.access.kind == Kind::store && m.op == Op::flush_tlb) asked.asked = kRequestFlush;
    if (word.is_posted && m.access.kind == Kind::store && m.op == Op::static_key) asked.asked = kRequestSyncCore;
    if (word.is_posted && m.access.kind == Kind::store && m.op == Op::synchronize_rcu) asked.asked = kRequestQuiesce;
    const std::string what = names_.request(asked);
    if (word.is_served && m.access.is_write()) {
      show(row_of(i, Row::What::served, fmt::format("serves CPU {}: {}", word.from, what)));
    } else if (word.is_posted && m.access.kind == Kind::store) {
      add_post(i, word.to, what);
    } else if (m.access.kind == Kind::fetch_add && m.rcu_depth != 0 && (m.asked & kRequestQuiesce) != 0) {
      show(row_of(i, Row::What::served, fmt::format("CPU {} must wait: in a read section", word.from)));
    }
  }
  /// One line for all CPUs that are asked the same at once.
  void add_post(std::size_t i, u32 to, const std::string& what) {
    const std::string asked = ": " + what;
    if (!entries_.empty()) {
      Row& last = entries_.back().row;
      const bool goes_on = last.what == Row::What::request && last.moment + last.nr_steps == i;
      if (goes_on && last.cpu == moments_[i].cpu && last.text.ends_with(asked)) {
        last.text.insert(last.text.size() - asked.size(), fmt::format(", {}", to));
        ++last.nr_steps;
        return;
      }
    }
    show(row_of(i, Row::What::request, fmt::format("asks CPU {}{}", to, asked)));
  }

  std::vector<Row> fold() {
    std::vector<Row> rows;
    for (Entry& e : entries_) {
      if (e.is_shown) {
        rows.push_back(std::move(e.row));
        continue;
      }
      if (!e.is_step) continue;
      if (!rows.empty() && rows.back().what == Row::What::folded && rows.back().cpu == e.row.cpu) {
        ++rows.back().nr_steps;
        rows.back().last_op = e.row.op;
        continue;
      }
      e.row.what = Row::What::folded;
      rows.push_back(std::move(e.row));
    }
    for (Row& row : rows) {
      if (row.what != Row::What::folded) continue;
      row.object = row.before = row.after = "";
      row.text = fmt::format("({} step{}", row.nr_steps, row.nr_steps == 1 ? "" : "s");
      if (row.last_op != row.op) row.text += fmt::format(" … {}", op_name(row.last_op));
      row.text += ")";
    }
    return rows;
  }

  Machine& machine_;
  const std::vector<Moment>& moments_;
  PastMemory memory_;
  ObjectNames names_;
  CulpritPlaces places_;
  bool has_grace_period_ = false;
  u64 pmd_writers_ = 0;  ///< a bit per CPU
  std::array<Acting, kMaxCpus> cpus_{};
  std::vector<Entry> entries_;
};

}  // namespace

Story Story::at_most(std::size_t most) const {
  Story story = *this;
  std::vector<std::size_t> spare;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].what == Row::What::folded || rows[i].what == Row::What::done || rows[i].is_aside) spare.push_back(i);
  }
  std::ranges::sort(spare, {}, [&](std::size_t i) {
    return std::tuple(rows[i].is_aside, rows[i].what == Row::What::done, rows[i].nr_steps, i);
  });
  const std::size_t too_many = rows.size() > most ? rows.size() - most : 0;
  spare.resize(std::min(spare.size(), too_many));
  std::ranges::sort(spare, std::greater{});
  for (const std::size_t i : spare) story.rows.erase(story.rows.begin() + static_cast<std::ptrdiff_t>(i));
  // A long story is of many operations, and what it is about is a violation, or its end.
  const auto violation = std::ranges::find(story.rows, Row::What::violation, &Row::what);
  if (story.rows.size() > most && violation != story.rows.end()) {
    const auto behind = static_cast<std::size_t>(story.rows.end() - violation) - 1;
    story.nr_after = std::min(behind, story.rows.size() - most);
    story.rows.resize(story.rows.size() - story.nr_after);
  }
  if (story.rows.size() > most) {
    story.nr_before = story.rows.size() - most;
    story.rows.erase(story.rows.begin(), story.rows.begin() + static_cast<std::ptrdiff_t>(story.nr_before));
  }
  return story;
}

Story tell(Machine& machine, const std::vector<Moment>& moments, const Culprits& culprits) {
  return Teller(machine, moments, culprits)();
}

}  // namespace hvo::stress
