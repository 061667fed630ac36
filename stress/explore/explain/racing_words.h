// racing_words: the words that two CPUs touch in a schedule, one of them writing, as a litmus test needs them.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <vector>

#include "stress/explore/explain/culprits.h"
#include "stress/explore/explain/object_names.h"

namespace hvo::stress {

struct RacingWord {
  Object object{};
  std::string name{};  ///< an identifier of C
  u8 size = 0;
  u64 initial = 0;
  u64 last = 0;  ///< at the end of the schedule
  bool has_rmw = false;
  bool has_sum = false;  ///< an RMW that computes with the old value
  u64 readers = 0;       ///< a bit per CPU
  u64 writers = 0;
};

/// A name as an identifier of C.
std::string identifier(std::string_view name);

/// By address. Those of struct pages, the static key, what is published by compare-exchange, and culprits; never locks,
/// page tables or mailboxes. Error: why they can't stand in a litmus test, in a sentence.
std::expected<std::map<const void*, RacingWord>, std::string> racing_words(Machine& machine,
                                                                           const std::vector<Moment>& moments,
                                                                           const Culprits& culprits);

}  // namespace hvo::stress
