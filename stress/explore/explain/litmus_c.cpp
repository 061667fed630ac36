#include "stress/explore/explain/litmus_c.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "stress/explore/explain/deeds.h"
#include "stress/explore/explain/racing_words.h"

namespace hvo::stress {

namespace {

/// Beyond this a value is a pattern or an address: it gets a number of its own.
constexpr u64 kMostNumber = u64{1} << 30;

/// One thread of the test.
struct Thread {
  std::vector<std::string> lines;
  std::vector<std::string> parameters;
  u32 nr_registers = 0;
  std::size_t first = 0;  ///< moments of its first and last access
  std::size_t last = 0;
  bool has_access = false;

  void needs(const std::string& parameter) {
    if (std::ranges::find(parameters, parameter) == parameters.end()) parameters.push_back(parameter);
  }
};

class Writer {
 public:
  Writer(Machine& machine, const std::vector<Moment>& moments, std::map<const void*, RacingWord> words)
      : machine_(machine),
        moments_(moments),
        memory_(machine),
        names_(memory_, moments),
        words_(std::move(words)),
        threads_(machine.nr_cpus()),
        is_kept_(moments.size()),
        has_grace_period_(std::ranges::any_of(
            moments, [](const Moment& m) { return m.what == Moment::What::access && m.op == Op::synchronize_rcu; })) {}

  std::expected<std::string, std::string> operator()(const std::string& name) {
    find_accesses();
    find_locks();
    refuse_interrupts();
    for (std::size_t i = 0; i < moments_.size() && why_.empty(); ++i) add(i);
    if (!why_.empty()) return std::unexpected(why_);
    return text(name);
  }

 private:
  void refuse(const std::string& why) {
    if (why_.empty()) why_ = why;
  }
  bool is_access(const Moment& m) const { return m.what == Moment::What::access; }

  void find_accesses() {
    std::size_t nr = 0;
    for (std::size_t i = 0; i < moments_.size(); ++i) {
      const Moment& m = moments_[i];
      if (!is_access(m) || !words_.contains(m.word)) continue;
      is_kept_[i] = true;
      Thread& thread = threads_[m.cpu];
      if (!thread.has_access) thread.first = i;
      thread.has_access = true;
      thread.last = i;
      ++nr;
    }
    if (nr > kMostLitmusAccesses) {
      refuse(fmt::format("the story has {} racing accesses; herd7 would take hours with more than {}", nr,
                         kMostLitmusAccesses));
    }
  }

  /// Of locks that two CPUs take round such accesses, both ends are kept.
  void find_locks() {
    struct Section {
      std::size_t first = 0;
      std::size_t end = 0;
      bool is_round_access = false;
    };
    std::map<const void*, std::vector<Section>> sections;
    std::map<const void*, u64> cpus;
    std::map<std::pair<const void*, u8>, Section> open;
    for (std::size_t i = 0; i < moments_.size(); ++i) {
      const Moment& m = moments_[i];
      if (!is_access(m)) continue;
      if (is_kept_[i]) {
        for (auto& [key, section] : open) section.is_round_access = section.is_round_access || key.second == m.cpu;
      }
      const Object object = names_.of_word(m.word);
      const LockDeed deed = lock_deed(m, object);
      const std::pair key{m.word, m.cpu};
      if (deed == LockDeed::takes) open[key] = {.first = i, .end = i};
      if (deed != LockDeed::lets_go || !open.contains(key)) continue;
      Section section = open[key];
      section.end = i;
      open.erase(key);
      if (!section.is_round_access) continue;
      sections[m.word].push_back(section);
      cpus[m.word] |= u64{1} << m.cpu;
    }
    for (const auto& [word, list] : sections) {
      if (std::popcount(cpus[word]) < 2) continue;
      const Object object = names_.of_word(word);
      if (object.kind == Object::Kind::rw_sem) {
        if (is_written_under(list)) refuse(object.name + " orders the accesses, and a litmus test has no rwsem");
        continue;
      }
      for (const Section& s : list) is_kept_[s.first] = is_kept_[s.end] = true;
    }
  }
  template <class Sections>
  bool is_written_under(const Sections& list) const {
    return std::ranges::any_of(
        list, [&](const auto& s) { return static_cast<u32>(moments_[s.first].access.operand) == ~u32{0}; });
  }

  void refuse_interrupts() {
    for (std::size_t i = 0; i < moments_.size(); ++i) {
      const Moment& m = moments_[i];
      const Thread& thread = threads_[m.cpu];
      const bool is_between = thread.has_access && i > thread.first && i < thread.last;
      const auto word = request_word(machine_.cpus(), m.word);
      if (!is_access(m) || !is_between || !word || !word->is_served || !m.access.is_write()) continue;
      if (m.asked == kRequestQuiesce || !threads_[word->from].has_access) continue;
      refuse(fmt::format("CPU {} serves an interrupt between its accesses ({}): a litmus test has none", m.cpu,
                         names_.request(m)));
    }
  }

  void add(std::size_t i) {
    const Moment& m = moments_[i];
    if (!is_access(m)) return;
    add_rcu(i);
    if (!is_kept_[i]) return;
    Thread& thread = threads_[m.cpu];
    const auto word = words_.find(m.word);
    if (word != words_.end()) return add_access(thread, m, word->second);
    const Object object = names_.of_word(m.word);
    const std::string lock = identifier(object.name);
    thread.needs("spinlock_t *" + lock);
    const bool takes = lock_deed(m, object) == LockDeed::takes;
    thread.lines.push_back(fmt::format("{}({});", takes ? "spin_lock" : "spin_unlock", lock));
  }

  void add_rcu(std::size_t i) {
    const Moment& m = moments_[i];
    Thread& thread = threads_[m.cpu];
    if (!thread.has_access || !has_grace_period_) return;
    const auto word = request_word(machine_.cpus(), m.word);
    if (word && word->is_posted && m.access.kind == Kind::store && m.op == Op::synchronize_rcu) {
      // One for all CPUs that are asked.
      if (thread.lines.empty() || thread.lines.back() != "synchronize_rcu();")
        thread.lines.emplace_back("synchronize_rcu();");
    }
    u32& depth = depth_[m.cpu];
    if (depth == 0 && m.rcu_depth != 0) thread.lines.emplace_back("rcu_read_lock();");
    if (depth != 0 && m.rcu_depth == 0) thread.lines.emplace_back("rcu_read_unlock();");
    depth = m.rcu_depth;
  }

  /// The number that stands for a value in the test.
  u64 number_of(const RacingWord& w, u64 value) {
    const bool is_minus = w.size == sizeof(u32) && value > u64{1} << 31;
    if (value < kMostNumber || is_minus) return value;
    if (w.has_sum) refuse(w.object.name + " holds addresses or patterns that are computed with");
    const auto it = std::ranges::find(large_, value);
    const auto at = static_cast<u64>(it - large_.begin());
    if (it == large_.end()) large_.push_back(value);
    return 1000 + at;
  }
  std::string value(const RacingWord& w, u64 v) {
    const u64 n = number_of(w, v);
    return w.size == sizeof(u32) ? fmt::format("{}", static_cast<int>(static_cast<u32>(n))) : fmt::format("{}", n);
  }

  void add_access(Thread& thread, const Moment& m, const RacingWord& w) {
    thread.needs((w.has_rmw ? "atomic_t *" : "int *") + w.name);
    const Access& a = m.access;
    if (a.kind == Kind::store || a.kind == Kind::plain_store) {
      thread.lines.push_back(store(m, w));
      return;
    }
    const std::string r = fmt::format("r{}", thread.nr_registers++);
    thread.lines.push_back(fmt::format("{} = {};", r, load(m, w)));
    observed_.push_back(fmt::format("{}:{}={}", number_of_thread(m.cpu), r, value(w, m.result)));
  }
  std::string store(const Moment& m, const RacingWord& w) {
    const std::string v = value(w, m.access.operand);
    if (m.access.kind == Kind::plain_store && !w.has_rmw) return fmt::format("*{} = {};", w.name, v);
    if (m.access.order == MemoryOrder::release) {
      return fmt::format("{}({}, {});", w.has_rmw ? "atomic_set_release" : "smp_store_release", w.name, v);
    }
    return w.has_rmw ? fmt::format("atomic_set({}, {});", w.name, v) : fmt::format("WRITE_ONCE(*{}, {});", w.name, v);
  }
  std::string load(const Moment& m, const RacingWord& w) {
    const Access& a = m.access;
    switch (a.kind) {
      case Kind::fetch_add: return fmt::format("atomic_fetch_add({}, {})", value(w, a.operand), w.name);
      case Kind::fetch_or: return fmt::format("atomic_fetch_or({}, {})", value(w, a.operand), w.name);
      case Kind::fetch_and: return fmt::format("atomic_fetch_and({}, {})", value(w, a.operand), w.name);
      case Kind::exchange: return fmt::format("atomic_xchg({}, {})", w.name, value(w, a.operand));
      case Kind::cmpxchg: {
        const std::string expected = value(w, a.expected);
        return fmt::format("atomic_cmpxchg({}, {}, {})", w.name, expected, value(w, a.operand));
      }
      case Kind::plain_load: return w.has_rmw ? fmt::format("atomic_read({})", w.name) : "*" + w.name;
      default: break;
    }
    if (a.order == MemoryOrder::acquire) {
      return fmt::format("{}({})", w.has_rmw ? "atomic_read_acquire" : "smp_load_acquire", w.name);
    }
    return w.has_rmw ? fmt::format("atomic_read({})", w.name) : fmt::format("READ_ONCE(*{})", w.name);
  }
  /// Those without accesses are none.
  u32 number_of_thread(u32 cpu) const {
    u32 n = 0;
    for (u32 i = 0; i < cpu; ++i) n += threads_[i].has_access ? 1 : 0;
    return n;
  }

  std::string text(const std::string& name) {
    std::string body;
    for (u32 cpu = 0; cpu < threads_.size(); ++cpu) {
      Thread& t = threads_[cpu];
      if (!t.has_access) continue;
      if (depth_[cpu] != 0) t.lines.emplace_back("rcu_read_unlock();");
      body += fmt::format("\nP{}({})\n{{\n", number_of_thread(cpu), fmt::join(t.parameters, ", "));
      for (u32 r = 0; r < t.nr_registers; ++r) body += fmt::format("\tint r{};\n", r);
      if (t.nr_registers != 0) body += "\n";
      for (const std::string& line : t.lines) body += "\t" + line + "\n";
      body += "}\n";
    }
    std::string initial;
    for (const auto& [word, w] : words_) {
      if (w.initial != 0) initial += fmt::format("\t{} = {};\n", w.name, value(w, w.initial));
      if (std::popcount(w.writers) > 1) observed_.push_back(fmt::format("{}={}", w.name, value(w, w.last)));
    }
    if (observed_.empty()) return "";
    return fmt::format("C {}\n\n{}\n{{{}{}}}\n{}\nexists ({})\n", name, comment(), initial.empty() ? "" : "\n", initial,
                       body, fmt::join(observed_, " /\\ "));
  }
  std::string comment() const {
    std::string text =
        "(*\n * Racing accesses of a schedule that hvolab found; \"exists\" is what was observed.\n"
        " * Dependencies between accesses are left out.\n";
    for (const auto& [word, w] : words_) text += fmt::format(" * {}: {}\n", w.name, w.object.name);
    for (std::size_t i = 0; i < large_.size(); ++i)
      text += fmt::format(" * {} stands for {:#x}\n", 1000 + i, large_[i]);
    return text + " *)";
  }

  Machine& machine_;
  const std::vector<Moment>& moments_;
  PastMemory memory_;
  ObjectNames names_;
  std::map<const void*, RacingWord> words_;
  std::vector<Thread> threads_;
  std::vector<bool> is_kept_;
  bool has_grace_period_;
  std::map<u32, u32> depth_;
  std::vector<u64> large_;
  std::vector<std::string> observed_;
  std::string why_;
};

}  // namespace

std::expected<std::string, std::string> litmus_c(const std::string& name, Machine& machine,
                                                 const std::vector<Moment>& moments, const Culprits& culprits) {
  auto words = racing_words(machine, moments, culprits);
  if (!words) return std::unexpected("this story is no litmus test: " + words.error());
  auto text = Writer(machine, moments, std::move(*words))(name);
  if (!text) return std::unexpected("this story is no litmus test: " + text.error());
  if (text->empty()) return std::unexpected("this story is no litmus test: no load of it saw anything");
  return text;
}

}  // namespace hvo::stress
