#include "tests/kernel/trace.h"

#include <array>
#include <charconv>

namespace hvo::kernel {

namespace {

struct Form {
  std::string_view name;
  StepKind kind;
  bool sized;
  bool counted;
  bool placed = false;  ///< "free" or "used" between size and count
};
constexpr std::array kForms{
    Form{"sysctl", StepKind::sysctl, false, true},        Form{"set", StepKind::set, true, true},
    Form{"fault", StepKind::fault, true, true},           Form{"free", StepKind::free, true, true},
    Form{"demote", StepKind::demote, false, true},        Form{"demote_size", StepKind::demote_size, true, false},
    Form{"overcommit", StepKind::overcommit, true, true}, Form{"drain", StepKind::drain, false, false},
    Form{"poison", StepKind::poison, true, true, true},   Form{"walk", StepKind::walk, false, false},
};

const Form& form_of(StepKind kind) {
  for (const Form& form : kForms) {
    if (form.kind == kind) return form;
  }
  __builtin_unreachable();
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; (at = line.find_first_not_of(" \t\r", at)) != std::string_view::npos;) {
    const std::size_t end = std::min(line.find_first_of(" \t\r", at), line.size());
    words.push_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

bool parse(std::string_view word, int base, std::uint64_t& into) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), into, base);
  return error == std::errc{} && end == word.data() + word.size();
}

bool parse_blocks(std::string_view list, std::vector<std::uint64_t>& into) {
  if (list == "-") return true;
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t end = std::min(list.find(',', at), list.size());
    std::uint64_t block = 0;
    if (!parse(list.substr(at, end - at), 16, block)) return false;
    into.push_back(block);
    at = end + 1;
  }
  return true;
}

bool parse_step(const std::vector<std::string_view>& words, Step& step) {
  constexpr std::string_view kGot = "got=";
  std::size_t at = 1;
  for (const Form& form : kForms) {
    if (form.name != words[0]) continue;
    step.kind = form.kind;
    if (form.sized) {
      if (at == words.size() || (words[at] != "2M" && words[at] != "1G")) return false;
      step.order = words[at++] == "1G" ? kOrder1G : kOrder2M;
    }
    if (form.placed) {
      if (at == words.size() || (words[at] != "free" && words[at] != "used")) return false;
      step.is_used = words[at++] == "used";
    }
    if (form.counted) {
      if (at == words.size() || !parse(words[at], 10, step.count)) return false;
      ++at;
    }
    if (form.placed && step.count >> step.order != 0) return false;
    if (at < words.size() && words[at].starts_with(kGot)) {
      return parse_blocks(words[at].substr(kGot.size()), step.got) && at + 1 == words.size();
    }
    return at == words.size();
  }
  return false;
}

std::string number(std::uint64_t v, int base = 10) {
  std::array<char, 24> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), v, base).ptr};
}

std::string start(std::string_view kind, unsigned step, unsigned order) {
  return "HVO " + std::string(kind) + " n=" + number(step) + " size=" + std::string(size_name(order));
}

}  // namespace

std::expected<std::vector<Step>, std::string> parse_trace(std::string_view text) {
  std::vector<Step> steps;
  unsigned nr = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    ++nr;
    const auto words = words_of(line.substr(0, line.find('#')));
    if (words.empty()) continue;
    Step step;
    if (!parse_step(words, step)) {
      return std::unexpected("line " + number(nr) + " of the trace is no step: " + std::string(line));
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

std::string to_text(const Step& step) {
  const Form& form = form_of(step.kind);
  std::string text(form.name);
  if (form.sized) text += " " + std::string(size_name(step.order));
  if (form.placed) text += step.is_used ? " used" : " free";
  if (form.counted) text += " " + number(step.count);
  return text;
}

std::string to_text(const std::vector<std::uint64_t>& blocks) {
  if (blocks.empty()) return "-";
  std::string text;
  for (const std::uint64_t block : blocks) {
    if (!text.empty()) text += ',';
    text += number(block, 16);
  }
  return text;
}

std::string line_of(const FolioCheck& c, unsigned step) {
  return start("check", step, c.order) + " block=" + number(c.block, 16) + " head=" + number(c.head) +
         " tail=" + number(c.tail) + " huge=" + number(c.huge) + " wrong=" + number(c.wrong) +
         " raw_heads=" + number(c.raw_heads) + " raw_tails=" + number(c.raw_tails) +
         " raw_direct=" + number(c.raw_direct);
}

std::string line_of(const FolioState& s, const std::vector<std::uint64_t>& blocks, unsigned step) {
  return start("state", step, s.order) + " flag=" + number(s.flag ? 1 : 0) +
         " head_rw=" + number(s.head_writable ? 1 : 0) + " aliases=" + number(s.aliases) +
         " ro=" + number(s.read_only) + " nr=" + number(blocks.size()) + " blocks=" + to_text(blocks);
}

std::string line_of(const PoolLine& p, unsigned step) {
  return start("pool", step, p.order) + " nr=" + number(p.nr) + " free=" + number(p.free) +
         " surplus=" + number(p.surplus) + " resv=" + number(p.reserved) + " over=" + number(p.overcommit);
}

std::string line_of_lists(unsigned order, const std::vector<std::uint64_t>& free,
                          const std::vector<std::uint64_t>& used, unsigned step) {
  return start("list", step, order) + " free=" + to_text(free) + " used=" + to_text(used);
}

std::string line_of_errors(std::uint64_t nr_corrupted, const std::vector<std::uint64_t>& pfns, unsigned step) {
  return "HVO errors n=" + number(step) + " corrupted=" + number(nr_corrupted) + " pfns=" + to_text(pfns);
}

}  // namespace hvo::kernel
