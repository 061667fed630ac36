// Operations: what whole folios cost in each design, one by one and in batches, against the same machine without HVO.
//
// Not lookups: those are compared in processes of their own (bench/compare). An operation takes microseconds, so its
// placement in memory matters little, and rounds in one process that visit every design in turn are enough.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/arm.h"
#include "bench/rounds.h"
#include "core/machine/machine.h"

namespace hvo::bench {

enum class Operation : u8 {
  alloc_one,       ///< a pool grown by one hugepage, again and again
  alloc_batch,     ///< grown by all of them in one call
  free_one,        ///< shrunk by one
  free_batch,      ///< shrunk by all
  optimize_one,    ///< one call per folio
  optimize_batch,  ///< one call for all
  restore_one,
  restore_batch,
  demote,   ///< a 1 GiB hugepage to 512 of 2 MiB
  split,    ///< a PMD leaf replaced by a table
  fresh_1,  ///< a hugepage made and freed again, by one CPU
  fresh_n,  ///< by as many CPUs as the host has, at once
};
inline constexpr std::array kOperations{Operation::alloc_one,   Operation::alloc_batch,   Operation::free_one,
                                        Operation::free_batch,  Operation::optimize_one,  Operation::optimize_batch,
                                        Operation::restore_one, Operation::restore_batch, Operation::demote,
                                        Operation::split,       Operation::fresh_1,       Operation::fresh_n};
std::string_view operation_name(Operation operation);
/// What one of them is, in words.
std::string_view operation_meaning(Operation operation);
/// True when `none` does it too, so that there is a ratio.
bool has_baseline(Operation operation);

/// A ratio that kernel developers published: on against off.
struct Published {
  Operation operation;
  std::string_view design;  ///< as it was then
  double ratio;
  std::string_view what;
  std::string_view source;
};
std::span<const Published> published_ratios();

/// Machines of every design with a pool each, and arms over them.
class OperationBench {
 public:
  /// Error: one line for the user.
  static std::expected<std::unique_ptr<OperationBench>, std::string> make(u64 nr_folios, u32 nr_cpus);
  ~OperationBench();
  /// One for each operation and design that has it: "<operation>/<design>".
  const std::vector<Arm>& arms() const { return arms_; }
  u32 nr_cpus() const { return nr_cpus_; }

 private:
  class Bench;
  explicit OperationBench(u32 nr_cpus);

  u32 nr_cpus_;
  std::vector<std::unique_ptr<Bench>> benches_;
  std::vector<Arm> arms_;
};

std::string operation_arm(Operation operation, std::string_view design);

}  // namespace hvo::bench
