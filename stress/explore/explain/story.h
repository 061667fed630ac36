// Story: a schedule retold: what each CPU did that matters, in order, in the kernel's terms, and how much lies between.
//
// Never left out: any access to the culprits (culprits.h) or to the PTEs that map them; the locks held meanwhile; the
// PMDs of their walks; flushes, grace periods and core synchronisation, asked for and served; waits; preemptions;
// choices that no plain run makes; violations.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "stress/explore/explain/culprits.h"

namespace hvo::stress {

struct Row {
  enum class What : u8 { access, request, served, wait, section, preempted, choice, violation, done, folded };
  What what{};
  u8 cpu = 0;
  bool is_culprit = false;  ///< touches a culprit, or is the violation
  bool is_aside = false;    ///< a lock that was held while nothing changed but a PMD
  u32 step = 0;             ///< its number among those of all CPUs
  Op op{};                  ///< what the CPU was in the middle of; folded: at first
  Op last_op{};             ///< folded: at last
  u32 nr_steps = 1;         ///< folded: how many steps of this CPU it stands for
  std::size_t moment = 0;   ///< its place among the moments; of the first, if there are several
  std::string text{};       ///< for a person; of folded steps their number and last function
  std::string object{};     ///< what was touched; empty for others
  std::string before{};     ///< its value before and after; empty when not known, or when there is none
  std::string after{};
};

struct Story {
  u32 nr_cpus = 0;
  std::vector<Row> rows;
  std::size_t nr_before = 0;  ///< rows that at_most() left out at the beginning
  std::size_t nr_after = 0;   ///< and behind the first violation
  /// Without rows that stand for folded steps, the smallest ones first, then without those that only say that a CPU was
  /// done, then without locks aside, until at most so many rows are left; the numbers of the steps still tell where
  /// they were. If that is not enough, the last rows behind the first violation go too, then the first rows.
  Story at_most(std::size_t rows) const;
};

/// `machine`: as for PastMemory.
Story tell(Machine& machine, const std::vector<Moment>& moments, const Culprits& culprits);

}  // namespace hvo::stress
