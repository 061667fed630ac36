#include "stress/explore/explain/racing_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cctype>

namespace hvo::stress {

std::string identifier(std::string_view name) {
  std::string id;
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      id += c;
    } else if (!id.empty() && id.back() != '_') {
      id += '_';
    }
  }
  while (id.ends_with('_')) id.pop_back();
  return id;
}

namespace {

class Collector {
 public:
  Collector(Machine& machine, const std::vector<Moment>& moments, const Culprits& culprits)
      : moments_(moments), memory_(machine), names_(memory_, moments), places_(culprits, machine, moments) {}

  std::expected<std::map<const void*, RacingWord>, std::string> operator()() {
    for (const Moment& m : moments_) {
      if (m.what == Moment::What::violation) refuse_rule(m);
      if (m.what == Moment::What::access) add(m);
      memory_.happened(m);
    }
    std::erase_if(words_, [](const auto& entry) { return !is_racing(entry.second); });
    refuse_overlaps();
    if (words_.empty()) refuse("no word is touched by two CPUs, one of them writing");
    // What can't be said at all comes before what this story happens to be.
    if (!why_not_at_all_.empty()) return std::unexpected(why_not_at_all_);
    if (!why_.empty()) return std::unexpected(why_);
    give_names();
    return std::move(words_);
  }

 private:
  void refuse(const std::string& why) {
    if (why_.empty()) why_ = why;
  }
  void refuse_for_good(const std::string& why) {
    if (why_not_at_all_.empty()) why_not_at_all_ = why;
  }
  void refuse_rule(const Moment& m) {
    const Rule rule = m.violation.rule;
    if (rule != Rule::read_only_store && rule != Rule::stale_translation && rule != Rule::break_before_make) return;
    refuse_for_good(
        fmt::format("the story is about a translation ({}): a litmus test has words, but no page tables and TLBs "
                    "through which an address means one word now and another one later",
                    rule_name(rule)));
  }
  static bool is_racing(const RacingWord& w) { return w.writers != 0 && std::popcount(w.readers | w.writers) > 1; }

  void add(const Moment& m) {
    if (m.access.is_write() && places_.is_pte(m.word)) {
      refuse_for_good(names_.of_word(m.word).name +
                      " changes during the story: a litmus test has no page tables, and can't say "
                      "that the same address is another word before and after");
    }
    const bool is_culprit = places_.is_touched_by(m, memory_.frame_bytes());
    if (m.access.kind == Kind::fill_frame || m.access.kind == Kind::load_line) {
      if (is_culprit) refuse("a whole page, or struct page, is copied at once: that is no access of a litmus test");
      return;
    }
    const Object object = names_.of(m);
    const bool is_kind = object.kind == Object::Kind::page_field || object.kind == Object::Kind::static_key ||
                         (object.kind == Object::Kind::counter && !object.name.starts_with("free pages"));
    if (!is_kind && !(is_culprit && !object.is_lock())) return;
    RacingWord& w = words_[m.word];
    if (w.size == 0) w = {.object = object, .size = m.access.size, .initial = initial_of(m)};
    if (w.size != m.access.size) refuse(object.name + " is accessed by words of different sizes");
    const u64 cpu = u64{1} << m.cpu;
    const bool is_store = m.access.kind == Kind::store || m.access.kind == Kind::plain_store;
    (m.access.is_write() ? w.writers : w.readers) |= cpu;
    w.has_rmw = w.has_rmw || (m.access.is_write() && !is_store);
    w.has_sum = w.has_sum || m.access.kind == Kind::fetch_add || m.access.kind == Kind::fetch_or ||
                m.access.kind == Kind::fetch_and;
    w.last = m.access.is_write() ? value_after(m.access, w.last, m.result) : w.writers == 0 ? m.result : w.last;
  }
  u64 initial_of(const Moment& m) const {
    const u64 first = m.access.is_write() && m.access.kind == Kind::store ? 0 : m.result;
    return memory_.read(m.word, m.access.size).value_or(first);
  }
  void refuse_overlaps() {
    const std::byte* end = nullptr;
    for (const auto& [word, w] : words_) {
      if (end != nullptr && word < end) refuse(w.object.name + " is accessed by words of different sizes");
      end = static_cast<const std::byte*>(word) + w.size;
    }
  }
  void give_names() {
    std::map<std::string, u32> times;
    for (auto& [word, w] : words_) {
      w.name = identifier(w.object.name);
      const u32 nr = ++times[w.name];
      if (nr > 1) w.name += fmt::format("_{}", nr);
    }
  }

  const std::vector<Moment>& moments_;
  PastMemory memory_;
  ObjectNames names_;
  CulpritPlaces places_;
  std::map<const void*, RacingWord> words_;
  std::string why_;
  std::string why_not_at_all_;
};

}  // namespace

std::expected<std::map<const void*, RacingWord>, std::string> racing_words(Machine& machine,
                                                                           const std::vector<Moment>& moments,
                                                                           const Culprits& culprits) {
  return Collector(machine, moments, culprits)();
}

}  // namespace hvo::stress
