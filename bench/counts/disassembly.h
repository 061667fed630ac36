// Disassembly of a function of this program, by objdump: what a compiler made of an arm.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "bench/arms/kernels.h"

namespace hvo::bench {

/// A function's instructions as text, one a line: mnemonic and operands, addresses relative to the function.
struct Disassembly {
  std::vector<std::string> lines;
  u64 nr_branches = 0;           ///< conditional jumps
  u64 nr_conditional_moves = 0;  ///< cmovcc
  /// "branch", "conditional move", "both", "neither": how it decides.
  std::string shape() const;
};

/// Of the function that begins at `single`. Error: one line for the user.
std::expected<Disassembly, std::string> disassemble(Single single);

/// Reads objdump's output: the first function in it.
Disassembly parse_objdump(const std::string& text);

}  // namespace hvo::bench
