#include "bench/counts/disassembly.h"

#include <dlfcn.h>

#include <cstdio>
#include <filesystem>
#include <sstream>

#include "program/child.h"

namespace hvo::bench {

namespace {

/// No single lookup is longer.
constexpr u64 kMostBytes = 512;

std::string hex(u64 n) {
  std::ostringstream text;
  text << "0x" << std::hex << n;
  return text.str();
}

bool is_conditional_jump(const std::string& line) { return line.starts_with("j") && !line.starts_with("jmp"); }

/// "jne    401a <name+0x1a>" as "jne    +0x1a".
std::string without_names(const std::string& line) {
  const auto open = line.find('<');
  if (open == std::string::npos) return line;
  const auto plus = line.find_last_of('+');
  const auto word = line.find_first_of(" \t");
  if (word == std::string::npos || plus == std::string::npos || plus < open) return line;
  return line.substr(0, word) + " " + line.substr(plus, line.find('>', plus) - plus);
}

}  // namespace

std::string Disassembly::shape() const {
  if (nr_branches != 0 && nr_conditional_moves != 0) return "both";
  if (nr_branches != 0) return "branch";
  return nr_conditional_moves != 0 ? "conditional move" : "neither";
}

Disassembly parse_objdump(const std::string& text) {
  Disassembly result;
  std::istringstream lines(text);
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    const bool is_header = line.ends_with(">:");
    if (is_header && inside) break;
    if (is_header) inside = true;
    const auto tab = line.find('\t');
    if (!inside || is_header || tab == std::string::npos) continue;
    std::string instruction = without_names(line.substr(tab + 1));
    while (instruction.ends_with(' ')) instruction.pop_back();
    if (is_conditional_jump(instruction)) ++result.nr_branches;
    if (instruction.starts_with("cmov")) ++result.nr_conditional_moves;
    result.lines.push_back(std::move(instruction));
  }
  // What fills the gap to the next function is none of it.
  while (!result.lines.empty() &&
         (result.lines.back().find("nop") != std::string::npos || result.lines.back().starts_with("xchg   %ax,%ax") ||
          result.lines.back().starts_with("int3"))) {
    result.lines.pop_back();
  }
  return result;
}

std::expected<Disassembly, std::string> disassemble(Single single) {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(single), &info) == 0)
    return std::unexpected("a function of no known object");
  const u64 start = reinterpret_cast<u64>(single) - reinterpret_cast<u64>(info.dli_fbase);
  const auto text = run_program({"objdump", "-d", "--no-show-raw-insn", "-C", "--start-address=" + hex(start),
                                 "--stop-address=" + hex(start + kMostBytes), own_program()});
  if (!text) return std::unexpected("objdump (of binutils) " + text.error());
  return parse_objdump(*text);
}

}  // namespace hvo::bench
